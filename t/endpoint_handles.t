# An endpoint where a program has any other handle: in event loops, in
# IO::Socket, IO::Select, open.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;

use File::FDpasser;
use IO::Select ();
use IO::Socket::UNIX ();

my $dir = workdir();

# modules, env: what it takes. echo($endpoint): reads lines and sends each back
# in capitals, until the end. await($listener): returns when a client is there.
# Each runs in a child, as a loop is for the whole process.
my @USERS = (
    (map { any_event($_) } qw(Perl EV)),
    (map { mojo($_) } qw(Poll EV)),
    {
        name    => 'IO::Async',
        modules => [qw(IO::Async::Loop IO::Async::Stream IO::Async::Handle)],
        echo    => \&async_echo,
        await   => \&async_await,
    },
    {
        name    => 'POE',
        modules => [qw(POE::Kernel POE::Session POE::Wheel::ReadWrite POE::Filter::Line)],
        echo    => \&poe_echo,
        await   => \&poe_await,
    },
    {
        name  => 'IO::Socket::UNIX',
        echo  => sub { plain_echo(IO::Socket::UNIX->new_from_fd($_[0], '+<')) },
        await => sub { IO::Socket::UNIX->new_from_fd($_[0], '+<') },
    },
    {
        name  => 'IO::Select',
        echo  => \&select_echo,
        await => sub { IO::Select->new($_[0])->can_read },
    },
    (map { opened($_) } '+<&', '+<&='),
);

sub opened {
    my ($mode) = @_;
    my $open = sub { open my $fh, $mode, $_[0] or die "open: $!"; $fh };
    return {
        name  => "open with $mode",
        echo  => sub { plain_echo($open->(@_)) },
        await => $open,
    };
}

sub plain_echo {
    my ($fh) = @_;
    $fh->autoflush;
    while (defined(my $line = <$fh>)) { print {$fh} uc $line }
}

sub select_echo {
    my ($endpoint) = @_;
    my $select = IO::Select->new($endpoint);
    while (my ($ready) = $select->can_read) {
        sysread $ready, my $line, 100 or return;
        syswrite $ready, uc $line;
    }
}

sub any_event {
    my ($model) = @_;
    return {
        name    => "AnyEvent, $model",
        modules => [ 'AnyEvent', 'AnyEvent::Handle', $model eq 'EV' ? 'EV' : () ],
        env     => { PERL_ANYEVENT_MODEL => $model },
        echo    => \&any_event_echo,
        await   => sub {
            my ($listener) = @_;
            my $there   = AnyEvent->condvar;
            my $watcher = AnyEvent->io(fh => $listener, poll => 'r', cb => $there);
            $there->recv;
        },
    };
}

sub any_event_echo {
    my ($endpoint) = @_;
    my $end    = AnyEvent->condvar;
    my $handle = AnyEvent::Handle->new(
        fh       => $endpoint,
        on_eof   => sub { $end->send },
        on_error => sub { $end->croak("$_[2]\n") },
        on_read  => sub {
            $_[0]->push_read(line => sub { $_[0]->push_write(uc "$_[1]\n") });
        },
    );
    $end->recv;
}

sub mojo {
    my ($reactor) = @_;
    return {
        name    => "Mojo::IOLoop, $reactor",
        modules => [ $reactor eq 'EV' ? 'EV' : (), 'Mojo::IOLoop' ],
        env     => { MOJO_REACTOR => "Mojo::Reactor::$reactor" },
        echo    => sub {
            my $stream = Mojo::IOLoop::Stream->new($_[0]);
            $stream->on(read => sub { $_[0]->write(uc $_[1]) });
            $stream->on(close => sub { Mojo::IOLoop->stop });
            $stream->start;
            Mojo::IOLoop->start;
        },
        await => sub {
            my ($listener) = @_;
            my $reactor = Mojo::IOLoop->singleton->reactor;
            $reactor->io($listener, sub { Mojo::IOLoop->stop })
                ->watch($listener, 1, 0);
            Mojo::IOLoop->start;
            $reactor->remove($listener);
        },
    };
}

sub async_echo {
    my ($endpoint) = @_;
    my $loop = IO::Async::Loop->new;
    $loop->add(IO::Async::Stream->new(
        handle  => $endpoint,
        on_read => sub {
            my ($stream, $buffer, $eof) = @_;
            $stream->write(uc substr $$buffer, 0, length $$buffer, '') if length $$buffer;
            $loop->stop if $eof;
            return 0;
        },
    ));
    $loop->run;
}

sub async_await {
    my ($listener) = @_;
    my $loop = IO::Async::Loop->new;
    $loop->add(IO::Async::Handle->new(
        read_handle   => $listener,
        on_read_ready => sub { $loop->stop },
    ));
    $loop->run;
}

sub poe_echo {
    my ($endpoint) = @_;
    poe(
        _start => sub {
            $_[0]->{wheel} = POE::Wheel::ReadWrite->new(
                Handle     => $endpoint,
                Filter     => POE::Filter::Line->new(Literal => "\n"),
                InputEvent => 'line',
                ErrorEvent => 'end',
            );
        },
        line => sub { $_[0]->{wheel}->put(uc $_[1]) },
        end  => sub { delete $_[0]->{wheel} },
    );
}

sub poe_await {
    my ($listener) = @_;
    poe(
        _start => sub { POE::Kernel->select_read($listener, 'client') },
        client => sub { POE::Kernel->select_read($listener) },
    );
}

# Runs a session whose handlers get its heap, and what its events bring.
sub poe {
    my %handler = @_;
    my %state   = map {
        my $code = $handler{$_};
        $_ => sub { $code->($_[ POE::Session::HEAP() ], $_[ POE::Session::ARG0() ]) };
    } keys %handler;
    POE::Session->create(heap => {}, inline_states => \%state);
    POE::Kernel->run;
}

sub loaded {
    my ($user) = @_;
    eval "require $_" or die $@ for @{ $user->{modules} };
    return $user;
}

# Why it can't be tried here, if so.
sub obstacle {
    my ($user) = @_;
    return 'AnyEvent::Handle takes SOCK_STREAM only, not the packets of the emulation'
        if $user->{name} =~ /AnyEvent/ && File::FDpasser::transport() ne 'socket';
    my ($missing) = (in_child {
        grep { !eval "require $_" } @{ $user->{modules} };
    })->result;
    return defined $missing ? "no $missing here" : undef;
}

# Each endpoint, and the other end of its connection.
my %connection = (
    'of a pair' => sub { return spipe() },
    'connected' => sub {
        my $path     = "$dir/connected";
        my $listener = endp_create($path) or die "endp_create: $!";
        return meet($listener, $path);
    },
    'accepted' => sub {
        my $path     = "$dir/accepted";
        my $listener = endp_create($path) or die "endp_create: $!";
        return reverse meet($listener, $path);
    },
);

for my $user (@USERS) {
    local @ENV{ keys %{ $user->{env} } } = values %{ $user->{env} };
    SKIP: {
        my $obstacle = obstacle($user);
        skip "$user->{name}: $obstacle", 7 if defined $obstacle;
        for my $what (sort keys %connection) {
            my ($endpoint, $other) = $connection{$what}->();
            my $child = in_child {
                close $other;
                loaded($user)->{echo}->($endpoint);
                return 'end';
            };
            close $endpoint;
            syswrite $other, "line\n";
            sysread $other, my $answer, 100;
            is $answer, "LINE\n", "$user->{name}: an endpoint, $what";
            close $other;
            is $child->result, 'end', '... and its end';
        }
        my $path     = "$dir/listener";
        my $listener = endp_create($path) or die "endp_create: $!";
        my $client   = elsewhere { endp_connect($path) };
        my $server   = in_child {
            loaded($user)->{await}->($listener);
            return serv_accept_fh($listener) ? 'accepted' : $!;
        };
        is $server->result, 'accepted', "$user->{name}: a listening endpoint";
        undef $client;
    }
}

no_leak();
done_testing;
