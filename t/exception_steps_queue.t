# A signal handler that dies anywhere in a File::FDpasser::Queue: when ready is
# called again each callback has been called once, in order, with its file, and a
# loop that does what it is told has called it again. Or one that calls ready itself.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Steps;
use Told;

use File::FDpasser qw(:all);
use File::FDpasser::Queue;
use Scalar::Util qw(weaken);

watchdog(60);    # some of it takes long beside other work

my @files = map { tagged("f$_") } 0 .. 2;
my $now;    # what there is
$File::FDpasser::on_text = sub { moment() };

# What there will be: a queue, its loop, and what its callbacks hear.
sub beginning {
    my ($us, $peer) = pair();
    my $it = { us => $us, peer => $peer, loop => Told->new($us, $peer), heard => [] };
    weaken($now = $it);
    return $it;
}

# Operations that are not left.
sub unnamed { return map { [ undef, @$_[ 1, 2 ] ] } @_ }

sub making {
    my ($it) = @_;
    my $make = sub {
        $it->{queue} = File::FDpasser::Queue->new($it->{us}, on_wants => $it->{loop}->on_wants);
    };
    return [ new => $make, sub { $it->{queue} || $make->() } ];
}

sub hears {
    my ($name, $heard) = @_;
    return sub {
        my ($what) = @_;
        push @$heard, "$name " . (ref $what ? tag_of($what) : $what // errno_name($!));
        moment();
    };
}

# A push, which was taken or was not.
sub pushing {
    my ($it, $method, @arguments) = @_;
    my $name    = @{ $it->{pushed} ||= [] };
    my $push = sub { $it->{queue}->$method(@arguments, hears($name, $it->{heard})) };
    my $is_new = !grep { $_ eq $method } @{ $it->{pushed} };
    push @{ $it->{pushed} }, $method;
    return [ $is_new ? $method : undef, $push, sub { $push->() if $it->{queue}->pending == $name } ];
}

# The loop alone brings it to its end; whoever calls ready finds nothing to do.
sub looping {
    my ($it) = @_;
    return [ ready => sub { $it->{loop}->run($it->{queue}) } ];
}

sub closing {
    my ($it) = @_;
    return [ close => sub { $it->{queue}->close } ];
}

sub faults_of {
    my ($it, @expected) = @_;
    my ($heard, $expected) = map { join ', ', @$_ } $it->{heard}, \@expected;
    return (
        $heard ne $expected          ? "heard: $heard" : (),
        $it->{queue}->pending        ? 'something is pending' : (),
        "@{[ map { $_ // '-' } @{ $it->{loop}{wants} } ]}" ne '0 0 -'
            ? 'the loop is not told that nothing is wanted' : (),
    );
}

sub came {
    my ($peer) = @_;
    $peer->blocking(0);
    my @came;
    while (1) {
        my @fh = recv_fhs($peer);
        push @came, @fh ? map { tag_of($_) } @fh : errno_name($!);
        return "@came" if $came[-1] =~ /\A(?:EAGAIN|ENOTCONN)\z/ || @came > 20;
    }
}

# What is received: descriptors, an errno with a text.
left_anywhere('a queue that receives', sub {
    my $it = beginning();
    # A message of streams is gone with its text.
    send_err($it->{peer}, 13, OverStreams::lack('halves') ? () : 'text');
    send_files($it->{peer}, @files[ 0, 1 ]);
    return (
        making($it),
        (map { pushing($it, 'push_recv_fh') } 0 .. 3),
        looping($it),
        closing($it),
        sub { faults_of($it, '0 EACCES', '1 f0', '2 f1', '3 ECANCELED') },
    );
});

# What is sent.
left_anywhere('a queue that sends', sub {
    my $it = beginning();
    return (
        unnamed(making($it)),
        pushing($it, push_send_fh  => $files[0]),
        pushing($it, push_send_fhs => [ @files[ 1, 2 ] ]),
        pushing($it, push_send_err => 13, 'text'),
        looping($it),
        unnamed(closing($it)),
        sub {
            my @faults = faults_of($it, '0 1', '1 2', '2 1');
            %$it = (peer => $it->{peer});
            my $came = came($it->{peer});
            return (@faults, $came eq 'f0 f1 f2 EACCES ENOTCONN' ? () : "came: $came");
        },
    );
});

left_anywhere('a queue', sub {
    my $it = beginning();
    send_file($it->{peer}, $_) for @files[ 0, 1 ];
    return (
        unnamed(making($it), (map { pushing($it, 'push_recv_fh') } 0, 1),
            map { pushing($it, push_send_fh => $files[2]) } 2, 3),
        looping($it),
        unnamed(closing($it)),
        sub { faults_of($it, '2 1', '3 1', '0 f0', '1 f1') },
    );
}, sub { $now->{queue}->ready });

@files = ();
no_leak();
done_testing;
