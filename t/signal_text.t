# A signal comes where the peer's text is handed on without Perl code, and more is
# there already, so that the call does not have to wait: it ends all the same,
# and the next one goes on where it was.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Files;
use Peer;
use Situation;

use File::FDpasser qw(:all);
use IO::Handle;
use POSIX ();

my $SENT  = 'text ' x 5_000;
my $dir   = workdir();
my $shown = "$dir/shown";

# Where the text goes.
my %to = (
    STDERR  => sub { open STDERR, '>', $shown or die "STDERR: $!"; undef },
    XSUB    => sub { \&utf8::is_utf8 },
    on_text => sub { sub { } },
);

# Perls from 5.41 on run handlers where they call an XSUB, too: then the signal has
# been heard, and the call goes on, as behind Perl code. perl 5.16 runs them wherever
# a block is left.
my $either = qr/\A(?:EINTR|received) 1\z/;
my %heard  = (STDERR => $] < 5.018 ? $either : qr/\AEINTR 1\z/, XSUB => $either);

# The signal has come, and is let through while the arguments are made: behind that
# perl has no opportunity to run the handler before the call.
my $usr1 = POSIX::SigSet->new(POSIX::SIGUSR1());
my ($hold, $release) = (POSIX::SIG_BLOCK(), POSIX::SIG_UNBLOCK());

sub raise {
    POSIX::sigprocmask($hold, $usr1);
    kill USR1 => $$;
}

my %receive = (
    recv_fh => sub {
        raise();
        return recv_fh((POSIX::sigprocmask($release, $usr1), $_[0])[1]);
    },
    recv_fd => sub {
        raise();
        return recv_fd((POSIX::sigprocmask($release, $usr1), $_[0])[1]);
    },
    my_recv_fd => sub {
        raise();
        my $number = File::FDpasser::my_recv_fd(
            (POSIX::sigprocmask($release, $usr1), $_[0])[1]);
        return $number == -1 ? undef : $number;
    },
);

# What a call does after a signal, and then other calls.
sub interrupted {
    my ($receive, $conn, $to) = @_;
    my $handled = 0;
    local $SIG{USR1} = sub { $handled++ };
    local $File::FDpasser::on_text = $to->();
    my $got   = $receive->($conn);
    my $first = (defined $got ? 'received' : errno_name($!)) . " $handled";
    for (1 .. 1000) {
        last if defined $got || !$!{EINTR};
        $got = recv_fh($conn);
    }
    return ($first, defined $got ? identity($got) : errno_name($!));
}

for my $name (sort keys %receive) {
    for my $to (qw(STDERR XSUB)) {
        my ($here, $there) = spipe();
        print {$here} $SENT;
        $here->flush;
        send_file($here, \*STDIN);
        my ($first, $then) = (in_child {
            interrupted($receive{$name}, $there, $to{$to});
        })->result;
        like $first, $heard{$to}, "$name, text for $to: a signal ends the call, its handler runs";
        is $then, identity(\*STDIN), '... then what was sent comes';
        ok content($shown) eq $SENT, '... after all of the text' if $to eq 'STDERR';
    }
}

# An error status behind the text is not lost, in whichever call it comes.
for my $name (qw(recv_fh recv_fd)) {
    for my $to (qw(STDERR XSUB)) {
        my ($here, $there) = spipe();
        send_err($here, 2, "why\n");
        undef $here;
        my (undef, $then) = (in_child {
            interrupted($receive{$name}, $there, $to{$to});
        })->result;
        is $then, 'ENOENT', "$name, text for $to, and an error status: it comes";
    }
}

# Who has taken all of a message has it.
for my $name (sort keys %receive) {
    for my $to (qw(STDERR XSUB)) {
        my ($us, $peer) = pair();
        $us->blocking(0);
        send_raw($peer, "text\0\0", \*STDIN);
        my ($first, $then) = (in_child { interrupted($receive{$name}, $us, $to{$to}) })->result;
        is $then, identity(\*STDIN), "$name, text for $to that comes with a descriptor";
    }
}

# However the handler is named, a signal that has come ends a wait that begins. In a
# program that has no other, of which an alarm is the end.
for my $handler ('\&noted', '"noted"', '"main::noted"', '*noted') {
    is run_perl('-MErrno', '-MPOSIX=:signal_h', '-MFile::FDpasser', '-e', <<"END"), 'EINTR 1', "a handler: $handler";
        sub noted { \$noted++ }
        alarm 5;
        \$SIG{USR1} = $handler;
        my (\$here, \$there) = spipe();
        my \$usr1 = POSIX::SigSet->new(SIGUSR1);
        sigprocmask(SIG_BLOCK, \$usr1);
        kill USR1 => \$\$;
        recv_fh((sigprocmask(SIG_UNBLOCK, \$usr1), \$there)[1]);
        print \$!{EINTR} ? 'EINTR' : \$!, " \$noted";
END
}

# Perl code runs the handler itself, which has then been heard.
{
    my ($here, $there) = spipe();
    print {$here} $SENT;
    $here->flush;
    send_file($here, \*STDIN);
    my ($first, $then) = (in_child {
        interrupted(
            sub {
                local $SIG{USR1} = sub { die "left\n" };
                eval { $receive{recv_fh}->(@_) };
                $! = Errno::EINTR() if $@ eq "left\n";
                return;
            },
            $there, $to{on_text});
    })->result;
    is $first, 'EINTR 0', 'text for on_text: a handler that dies leaves the call';
    is $then, identity(\*STDIN), '... then what was sent comes';
}

no_leak();
done_testing;
