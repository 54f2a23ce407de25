# Perl code that a call of the module calls back: on_text, a handler of
# warnings, of exceptions, of signals; what is stored into tied variables.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Leaving;

watchdog(60);    # some of it takes long beside other work

my %text = (
    'text' => 'syswrite $peer, "text"; send_raw($peer, "\0\0", $file)',
    'text with a descriptor'    => 'send_raw($peer, "text\0\0", $file)',
    'text with 253 descriptors' => 'send_raw($peer, "text\0\0", ($file) x 253)',
    'text, then a status'       => 'syswrite $peer, "text\0\x0d"',
    'long text with a descriptor' =>
        'send_raw($peer, "text " x 4000 . "\0\0", $file)',
    'text before the end'       => 'syswrite $peer, "text"; close $peer',
    'text before EAGAIN'        => '$us->blocking(0); syswrite $peer, "text"',
);
for my $name (sort keys %text) {
    for my $receive ('recv_fh($us)', 'recv_fd($us)',
        'File::FDpasser::my_recv_fd(fileno $us)')
    {
        my $get = $receive =~ /fh/ ? "my \$got = $receive"
            : "my \$got = $receive;"
            . ' POSIX::close($got) if defined $got && $got > 0';
        leaves("on_text, $name, $receive", <<"END");
no warnings 'File::FDpasser';
local \$File::FDpasser::on_text = \\&leave;
(my \$other, my \$other_peer) = pair();
{ local (\$us, \$peer) = (\$other, \$other_peer); $text{$name}; $get; }
END
    }
}

# A long text, with which descriptors have come: it is handed on whole.
for my $receive (qw(recv_fh recv_fd recv_fhs recv_fds)) {
    last if OverStreams::lack('batches');
    for my $end ('', '\0', '\0\0') {
        leaves("on_text, a long text with descriptors, $receive, end '$end'", <<"END");
use File::FDpasser ':all';
(my \$other, my \$other_peer) = pair();
no warnings 'File::FDpasser';
local \$File::FDpasser::on_text = sub { leave() };
send_raw(\$other_peer, 'text' x 3000 . "$end", \$file, \$file);
my \@got = $receive(\$other);
ref or POSIX::close(\$_) for \@got;
END
    }
}

# The second piece, which came while the first was handed on.
leaves('on_text, a second piece', <<'END');
(my $other, my $other_peer) = pair();
$other->blocking(0);
my $pieces = 0;
local $File::FDpasser::on_text = sub {
    syswrite $other_peer, ' again' if !$pieces;
    leave() if $pieces++;
};
syswrite $other_peer, 'text';
recv_fh($other);
END

leaves('on_text inside on_text', <<'END');
(my $other, my $other_peer) = pair();
(my $outer, my $outer_peer) = pair();
$other->blocking(0);
send_raw($outer_peer, "outer\0\0", $file);
send_raw($other_peer, "inner\0\0", $file);
local $File::FDpasser::on_text = sub {
    local $File::FDpasser::on_text = \&leave;
    my $got = recv_fh($other);
};
my $got = recv_fh($outer);
END

for my $receive ('recv_fh($other)', 'recv_fd($other)') {
    last if OverStreams::lack('a surplus');
    leaves("a handler of warnings, $receive", <<"END");
(my \$other, my \$other_peer) = pair();
send_raw(\$other_peer, "\\0\\0", (\$file) x 16);
local \$SIG{__WARN__} = \\&leave;
my \$got = $receive;
POSIX::close(\$got) if defined \$got && !ref \$got;
END
}

leaves('a handler of exceptions', <<'END');
local $SIG{__DIE__} = sub { leave() if $_[0] =~ /\AInvalid args/ };
eval { send_file($us, 'rubbish') };
die $@ if $@ !~ /\AInvalid/;
END

for my $kind ('%SIG', 'sigaction', 'SA_RESTART', 'SA_RESTART, safe') {
    leaves("a handler of signals, $kind", <<"END");
use Signals;
signalled('$kind', \\&leave, sub { recv_fh(\$us) });
END
    next if OverStreams::lack('batches');
    leaves("a handler of signals behind a message with descriptors, $kind", <<"END");
use Signals;
(my \$other, my \$other_peer) = pair();
local \$File::FDpasser::on_text = sub { };
send_raw(\$other_peer, 'text', \$file, \$file);
no warnings 'File::FDpasser';
my \$first = recv_fh(\$other);
print "nothing came\\n" if !\$first;
signalled('$kind', \\&leave, sub { recv_fh(\$other) });
END
    leaves("a handler of signals within a message, $kind", <<"END");
use Signals;
(my \$other, my \$other_peer) = pair();
local \$File::FDpasser::on_text = sub { };
syswrite \$other_peer, "text\\0";
signalled('$kind', \\&leave, sub { recv_fh(\$other) });
END
}

leaves('a handler of SIGPIPE', <<'END');
(my $other, my $other_peer) = pair();
close $other_peer;
local $SIG{PIPE} = \&leave;
send_file($other, $file);
END

for my $accept ('serv_accept_fh($listener, $uid)',
    'serv_accept_fd($listener, $uid)',
    'File::FDpasser::my_serv_accept(fileno $listener, $uid)')
{
    leaves("a tied \$uid, $accept", <<"END");
package Uid {
    sub TIESCALAR { bless [] }
    sub FETCH { 0 }
    sub STORE { main::leave() }
}
package main;
tie my \$uid, 'Uid';
my \$client = elsewhere { endp_connect("\$dir/endpoint") };
my \$got = $accept;
POSIX::close(\$got) if defined \$got && !ref \$got;
END
}

# Perl keeps exceptions of a destructor inside it.
leaves('a destructor of what was in $uid', <<'END', caught => 1);
sub Old::DESTROY { main::leave() }
my $uid = bless [], 'Old';
my $client = elsewhere { endp_connect("$dir/endpoint") };
my $got = serv_accept_fh($listener, $uid);
END

no_leak();
done_testing;
