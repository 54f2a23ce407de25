# 10,000 descriptors arrive, in order, in processes whose tables have 256
# numbers, when the receiver closes as it goes.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Script;

my $program = script(<<'END');
use strict;
use warnings;
use Situation;
use Peer;
use File::FDpasser qw(:all);
use POSIX ();

use constant { ALL => 10_000, DIFFERENT => 150 };

my ($way) = @ARGV;
watchdog(50);
my ($us, $peer) = pair();

# As many files as fit, over and over. Who is not root may have only so many in
# flight, in all processes: then they try again, until some were received.
sub send_all {
    my @files = map { tagged("file $_") } 0 .. DIFFERENT - 1;
    my $sent = 0;
    while ($sent < ALL) {
        my @rest = map { $files[ $_ % DIFFERENT ] } $sent .. ALL - 1;
        my $n = send_files($peer, @rest);
        if (defined $n) { $sent += $n }
        die "send_files: $!\n" if $sent < ALL && !$!{ETOOMANYREFS};
    }
    return $sent;
}

my %receive = (
    handles => sub { recv_fhs($us) },
    numbers => sub { recv_fds($us) },
);

# Holds what it has until the table is full, then closes all of it.
sub receive_all {
    my ($receive) = @_;
    my (@held, %count);
    my ($number, $wrong) = (0, 0);
    while ($number < ALL) {
        my @got = $receive->();
        if (@got) {
            $count{batches}++;
            $count{most} = @got if @got > ($count{most} || 0);
            tag_of($_) eq 'file ' . $number++ % DIFFERENT or $wrong++ for @got;
            push @held, @got;
            next;
        }
        die "receive: $!\n" if !$!{EMFILE};
        $count{full}++;
        ref $_ or POSIX::close($_) for splice @held;
    }
    ref $_ or POSIX::close($_) for @held;
    return ($number, $wrong, $count{most}, $count{full});
}

my $sender = in_child { close $us; return send_all() };
close $peer;
my ($received, $wrong, $most, $full) = receive_all($receive{$way});
undef $us;
print "sent ", $sender->result, ", received $received, wrong $wrong\n";
print "at most $most at once\n";
print 'the table was full ', ($full > 40 ? 'more than 40 times' : $full), "\n";
print "left over: ", join(', ', leaked()), "\n";
END

for my $way (qw(handles numbers)) {
    my $run = $program->run(shell => 'ulimit -n 256', arguments => [$way]);
    is $run->{err}, '', "$way: without a complaint";
    is $run->{out}, <<'END', "$way: each arrived, in its place";
sent 10000, received 10000, wrong 0
at most 64 at once
the table was full more than 40 times
left over: 
END
}

no_leak();
done_testing;
