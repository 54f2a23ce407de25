# Perl code that runs inside a call and pulls the rug from under it: closes the
# connection, frees the arguments, calls again, forks, makes a thread. Each in
# a child, so that a crash is seen.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Meeting;
use Situation;
use Peer;
use Signals;

use Config;
use File::FDpasser;
use POSIX ();

# Before any child is made, so that none of them opens files for it.
my $threads = $Config{useithreads} && eval { require threads; 1 };

my $file = tagged('received');
our %held;

{
    package Tied;
    sub TIESCALAR { my ($class, $code) = @_; return bless [$code], $class }
    sub FETCH { return $_[0][0]->() }
    sub STORE { return $_[0][0]->($_[1]) }
}

# Frees what is held, and has its memory used for something else.
sub frees { %held = (); my @memory = map {"$_"} 1 .. 100; return 0 }

sub errno_of { return defined $_[0] ? tag_of($_[0]) : errno_name($!) }

# Each: what the child returns, and what it left open.
my @situations = (
    'on_text closes the connection' => sub {
        my ($us, $peer) = pair();
        send_raw($peer, "text\0\0", $file);
        local $File::FDpasser::on_text = sub { close $us };
        my $result = errno_of(scalar recv_fh($us));
        close $peer;
        return $result;
    } => 'EBADF',

    'on_text frees the connection' => sub {
        (my $peer, $held{us}) = pair();
        send_raw($peer, "text\0\0", $file);
        local $File::FDpasser::on_text = sub { %held = () };
        my $result = errno_of(scalar recv_fh($held{us}));
        close $peer;
        return $result;
    } => 'EBADF',

    'on_text frees itself' => sub {
        my ($us, $peer) = pair();
        my $freed = 0;
        my $guard = bless [ \$freed ], 'Freed';
        $File::FDpasser::on_text = sub {
            my $kept = $guard;
            undef $File::FDpasser::on_text;
            my @memory = (1) x 1000;
        };
        undef $guard;
        send_raw($peer, "t\0\0", $file);
        my $result = errno_of(scalar recv_fh($us));
        close $_ for $us, $peer;
        return "$result $freed";
    } => 'received 1',

    'on_text raises and lowers max_text' => sub {
        my ($us, $peer) = pair();
        local $File::FDpasser::on_text = sub { $File::FDpasser::max_text = 1 };
        send_raw($peer, 'x' x 9000 . "\0\0", $file);
        my $result = errno_of(scalar recv_fh($us));
        close $_ for $us, $peer;
        return $result =~ /\A(?:received|EPROTO)\z/ ? 'fine' : $result;
    } => 'fine',

    'on_text gives its number to another connection' => sub {
        my ($us, $peer)       = pair();
        my ($other, $another) = pair();
        $_->blocking(0) for $us, $other;
        local $File::FDpasser::on_text = sub { POSIX::dup2(fileno $other, fileno $us) };
        send_raw($another, "\0\0", $file);
        syswrite $peer, 'text';
        my @got = (errno_of(scalar recv_fh($us)), errno_of(scalar recv_fh($other)));
        close $_ for $us, $peer, $other, $another;
        return "@got";
    } => 'EBADF received',

    OverStreams::lack('halves') ? () : ('on_text brings an error behind a descriptor' => sub {
        my ($us, $peer) = pair();
        $us->blocking(0);
        my $sent;
        local $File::FDpasser::on_text = sub { syswrite $peer, "\0\x0d" if !$sent++ };
        send_raw($peer, 'name', $file);
        my @got = map { errno_of(scalar recv_fh($us)) } 1, 2;
        close $_ for $us, $peer;
        return "@got";
    } => 'received EACCES'),

    'on_text receives on the same connection' => sub {
        my ($us, $peer) = pair();
        my @got;
        local $File::FDpasser::on_text = sub {
            local $File::FDpasser::on_text = sub { };
            push @got, errno_of(scalar recv_fh($us)) if !@got;
        };
        syswrite $peer, 'text';
        send_raw($peer, "\0\0", $file);
        send_raw($peer, "\0\0", $file);
        push @got, errno_of(scalar recv_fh($us));
        close $_ for $us, $peer;
        return "@got";
    } => 'received received',

    'on_text changes its argument' => sub {
        my ($us, $peer) = pair();
        local $File::FDpasser::on_text = sub {
            $_[0] = 'x' x 100_000;
            undef $_[0];
            @_ = ();
        };
        send_raw($peer, "text\0\0", $file);
        my $result = errno_of(scalar recv_fh($us));
        close $_ for $us, $peer;
        return $result;
    } => 'received',

    'on_text in on_text, 100 deep' => sub {
        my @pairs = map { [ pair() ] } 1 .. 100;
        send_raw($_->[1], "text\0\0", $file) for @pairs;
        my ($deep, @tags) = (0);
        no warnings 'recursion';
        my $receive;
        $receive = sub {
            my $pair = $pairs[ $deep++ ] or return;
            my $entered = 0;
            local $File::FDpasser::on_text
                = sub { $receive->() if !$entered++ };
            push @tags, tag_of(scalar recv_fh($pair->[0]));
        };
        $receive->();
        undef $receive;
        close $_ for map {@$_} @pairs;
        return scalar grep { $_ eq 'received' } @tags;
    } => 100,

    'on_text forks' => sub {
        my ($us, $peer) = pair();
        local $File::FDpasser::on_text = sub {
            my $pid = fork;
            die "fork: $!" if !defined $pid;
            POSIX::_exit(0) if !$pid;
            waitpid $pid, 0;
        };
        send_raw($peer, "text\0\0", $file);
        my $result = errno_of(scalar recv_fh($us));
        close $_ for $us, $peer;
        return $result;
    } => 'received',

    'a handler of warnings closes the connection' => sub {
        my ($us, $peer) = pair();
        local $SIG{__WARN__} = sub { close $us; close $peer };
        send_raw($peer, "\0\0", ($file) x 5);
        return errno_of(scalar recv_fh($us));
    } => 'received',

    'a handler of signals closes the connection' => sub {
        my ($us, $peer) = pair();
        my $result = signalled('SA_RESTART', sub { close $us; close $peer },
            sub { errno_of(scalar recv_fh($us)) });
        return $result =~ /\A(?:EBADF|EINTR)\z/ ? 'fine' : $result;
    } => 'fine',

    'a handler of signals frees the connection' => sub {
        (my $peer, $held{us}) = pair();
        my $result = signalled('%SIG', sub { %held = () },
            sub { errno_of(scalar recv_fh($held{us})) });
        close $peer;
        return $result =~ /\A(?:EBADF|EINTR)\z/ ? 'fine' : $result;
    } => 'fine',

    'FETCH frees the other argument' => sub {
        ($held{us}, my $peer) = pair();
        tie my $tied, 'Tied', \&frees;
        no warnings 'File::FDpasser';
        for my $send (\&send_file, sub { send_file($_[1], $_[0]) }) {
            ($held{us}, $peer) = pair();
            $! = 0;
            eval { $send->($held{us}, $tied) };
        }
        close $peer;
        return 'alive';
    } => 'alive',

    'FETCH frees the listener' => sub {
        my $dir = workdir();
        $held{listener} = endp_create("$dir/endpoint");
        my $client = elsewhere { endp_connect("$dir/endpoint") };
        tie my $uid, 'Tied', \&frees;
        my $served = serv_accept_fh($held{listener}, $uid);
        close $served;
        return keys(%held) . ' left';
    } => '0 left',

    'FETCH closes what it names' => sub {
        my ($us, $peer) = pair();
        tie my $tied, 'Tied', sub { my $number = fileno $us; close $us; $number };
        my $result = errno_of(scalar recv_fh($tied));
        close $peer;
        return $result;
    } => 'EBADF',

    'STORE frees the variable' => sub {
        my $dir = workdir();
        my $listener = endp_create("$dir/endpoint");
        my $client   = elsewhere { endp_connect("$dir/endpoint") };
        tie $held{uid}, 'Tied', \&frees;
        my $served = serv_accept_fh($listener, $held{uid});
        my $result = defined fileno $served;
        close $_ for $served, $listener;
        return $result;
    } => 1,

    'on_text makes a thread' => sub {
        return 'received' if !$threads;
        my ($us, $peer) = pair();
        my $made = 0;
        local $File::FDpasser::on_text
            = sub { threads->create(sub { 1 })->join if !$made++ };
        send_raw($peer, "text\0\0", $file);
        my $result = errno_of(scalar recv_fh($us));
        close $_ for $us, $peer;
        return $result;
    } => 'received',
);

sub Freed::DESTROY { ${ $_[0][0] }++ }

while (my ($name, $code, $expected) = splice @situations, 0, 3) {
    my $child = in_child {
        no warnings 'File::FDpasser';
        my $result = $code->();
        %held = ();
        return ($result, leaked());
    };
    is_deeply [ $child->result ], [$expected], $name;
}

undef $file;
no_leak();
done_testing;
