# Perl code that runs inside a call and frees what the call was given; text
# that ends where nothing should; a signal in the middle of an error reply.

use strict;
use warnings;

use lib 't/lib';

use File::FDpasser qw(:DEFAULT send_files send_err);
use Test::More;

use Situation;

$SIG{PIPE} = 'IGNORE';

# The variable for the sender's ids is freed before it is stored into.
{
    my ($here, $there) = spipe();
    my @freed = (undef) x 3;
    my @later;
    local $File::FDpasser::on_text = sub {
        @freed = ();
        push @later, 'somebody else' for 1 .. 300;
    };
    syswrite $here, 'text';
    send_file($here, \*STDIN);
    ok recv_fh($there, $freed[1]), 'on_text frees the variable for the sender';
    is scalar(grep { ref || !defined } @later), 0, '... and nobody else gets it';

    my @again = ({});
    local $SIG{__WARN__} = sub { @again = () };
    send_files($here, \*STDIN, \*STDOUT);
    local $File::FDpasser::on_text;
    is ref recv_fh($there, $again[0]), 'IO::Handle', 'so does a handler of warnings';
}

# Text of one byte and its zero byte come, and then the status.
{
    my ($here, $there) = spipe();
    $there->blocking(0);
    my $text = '';
    local $File::FDpasser::on_text = sub {
        $text .= $_[0];
        syswrite $here, "\5";
    };
    syswrite $here, "a\0";
    fails { recv_fh($there) } undef, errno_name(5), 'a status after its zero byte';
    is $text, 'a', '... and the text before it';
}

# A signal comes while the text of an error reply goes: it ends the call, and
# what went is text of the message that comes next.
{
    my ($here, $there) = spipe();
    my $signals = 0;
    local $SIG{USR1} = sub { $signals++ };
    my $reader = in_child {
        close $here;
        my $length = 0;
        local $File::FDpasser::on_text = sub {
            kill USR1 => getppid if !$length;
            $length += length $_[0];
        };
        my $first = recv_fh($there) ? 'handle' : $! + 0;
        return ($first, recv_fh($there) ? 'handle' : $! + 0, $length > 0);
    };
    fails { send_err($here, 5, 'x' x 3_000_000) } undef, 'EINTR',
        'an error reply with a signal in it';
    is $signals, 1, '... and the handler has run';
    send_err($here, 13);
    send_file($here, \*STDIN);
    is_deeply [ $reader->result ], [ 13, 'handle', 1 ],
        '... what comes next is whole, and so is the next';
}

no_leak();
done_testing();
