# A signal handler that dies anywhere in a receive that warns: it is heard, and the
# next message comes whole.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Steps;

use File::FDpasser qw(:all);
use POSIX ();

my @files = map { tagged("f$_") } 0, 1;
my $warned = 0;

# Here moments count, those of the calls and of the handler of warnings.
{
    package Steps::Moment;

    sub main::received {
        my ($function, $conn, @arguments) = @_;
        local $SIG{__WARN__} = sub { $warned++; return };
        return File::FDpasser->can($function)->($conn, @arguments);
    }
}

sub tags {
    return map { ref $_ ? tag_of($_) : number($_) } grep { defined } @_;
}

sub number {
    my ($number) = @_;
    my $tag = tag_of($number);
    POSIX::close($number);
    return $tag;
}

# The first message, which is warned of, and the one behind it. What was in hand when
# the handler died may be gone.
sub warns {
    my ($name, $function, $prepare, @arguments) = @_;
    my $all = 0;
    left_anywhere("$name, $function", sub {
        my ($us, $peer) = pair();
        $prepare->($us, $peer);
        my @tags;
        $warned = 0;
        my $receive = sub { push @tags, tags(received($function, $us, @arguments)) };
        return (
            [ call => $receive, sub { $receive->() } ],
            sub {
                $us->blocking(0);
                $receive->() for 1, 2;
                $all += $warned;
                return "@tags" =~ /\A(?:f0 )?f1\z/ ? () : "came: @tags";
            },
        );
    });
    cmp_ok $all, '>', 0, '... of which there was a warning';
}

for my $function (qw(recv_fh recv_fd)) {
    last if OverStreams::lack('a surplus');
    warns('more descriptors than one', $function, sub {
        my ($us, $peer) = @_;
        send_raw($peer, "\0\0", @files[ 0, 1, 1 ]);
        send_raw($peer, "\0\0", $files[1]);
    });
}
warns('bytes in a read buffer', $_, sub {
    my ($us, $peer) = @_;
    syswrite $peer, "line\nrest";
    readline $us;
    send_file($peer, $_) for @files;
}) for qw(recv_fh recv_fd recv_fhs);

# A mistake: there is nothing to receive.
for my $function (qw(recv_fh recv_fd recv_fhs)) {
    my $dir = workdir();
    my $listener = endp_create("$dir/endpoint") or die "endp_create: $!";
    $warned = 0;
    left_anywhere("a listening endpoint, $function", sub {
        my @got;
        return (
            [ call => sub { @got = received($function, $listener) } ],
            sub { (grep { defined } @got) ? 'something came' : () },
        );
    });
    cmp_ok $warned, '>', 0, '... of which there was a warning';
}

@files = ();
no_leak();
done_testing;
