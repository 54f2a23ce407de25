# Descriptors without end, for a call that takes one: it never has more than
# one message's in its hands, and never as many as fill the table.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Outside;
use Peer;
use Signals;
use Situation;

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';
use POSIX ();

my $PIECES = 40;
my $EACH   = 28;

my $file = tagged('one');
Situation::new_baseline();

my %receive = (
    recv_fh    => sub { answered(scalar recv_fh($_[0])) },
    recv_fd    => sub { answered(scalar recv_fd($_[0])) },
    my_recv_fd => sub {
        my $got = File::FDpasser::my_recv_fd(fileno $_[0]);
        return $got < -1 ? errno_name(-$got) : answered($got == -1 ? undef : $got);
    },
);
my %all = (
    recv_fhs => sub { scalar(() = recv_fhs($_[0])) || errno_name($!) },
    recv_fds => sub {
        my @got = recv_fds($_[0]);
        POSIX::close($_) for @got;
        return scalar(@got) || errno_name($!);
    },
);

# Text in pieces, each with descriptors: each begins a message.
for my $name (sort keys %receive, keys %all) {
    my $is_one = $receive{$name};
    my $call   = $is_one || $all{$name};
    for my $noted (0, 1) {
        my @seen = returns {
            no warnings 'File::FDpasser';
            my ($us, $peer) = pair();
            note_credentials($us) if $noted;
            $us->blocking(0);
            my $before = () = descriptors();
            my $most   = 0;
            local $File::FDpasser::on_text = sub {
                my $now = descriptors() - $before;
                $most = $now if $now > $most;
            };
            send_raw($peer, 'text', ($file) x $EACH) for 1 .. $PIECES;
            my %answers;
            $answers{ $call->($us) }++ for 1 .. $PIECES + 1;
            return \%answers, $most <= 2 * $EACH ? 'few' : $most;
        };
        is_deeply \@seen,
            [ { ($is_one ? 'one' : $EACH) => $PIECES, EAGAIN => 1 }, 'few' ],
            $noted ? "$name, senders noted" : $name;
    }
}

# With a small table, in which one has room and two have.
for my $free (1, 2, 5) {
    my @seen = returns {
        no warnings 'File::FDpasser';
        my ($us, $peer) = pair();
        $us->blocking(0);
        local $File::FDpasser::on_text = sub { };
        send_raw($peer, 'text', ($file) x $EACH) for 1 .. 5;
        send_raw($peer, "\0\0", $file);
        return with_free($free, sub { map { answered(scalar recv_fh($us)) } 1 .. 7 });
    };
    is "@seen", 'one one one one one one EAGAIN', "$free free numbers";
}

# Without end, and somebody asks the call to stop.
for my $bytes ('text', 't', "\0", "\0\0", "\0\x0d") {
    my ($us, $peer) = pair();
    my $title = 'endless ' . ($bytes =~ s/([\0\x0d])/sprintf '\\%o', ord $1/ger);
    my $flood = in_child {
        close $us;
        watchdog(30);
        1 while send_raw($peer, $bytes, ($file) x $EACH);
    };
    close $peer;
    my @seen = returns {
        no warnings 'File::FDpasser';
        local $File::FDpasser::on_text = sub { };
        my ($answers, $stop, $most) = (0, 0, 0);
        my $before = () = descriptors();
        local $SIG{USR1} = sub { $stop = 1 };
        my $parent = $$;
        my $sender = in_child { select undef, undef, undef, 0.3; kill USR1 => $parent };
        until ($stop) {
            my $got = recv_fh($us);
            my $now = descriptors() - $before;
            $most = $now if $now > $most;
            $answers++ if defined $got || $bytes eq "\0\x0d";
        }
        return $answers > 0, $most < 20 ? 'few' : $most;
    };
    is_deeply \@seen, [ 1, 'few' ], "$title: each call ends, signals are heard";
    kill KILL => $flood->pid;
    $flood->status;
}

undef $file;
no_leak();
done_testing;
