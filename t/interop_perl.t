# Other modules for Perl: IO::FDPass, and Socket::MsgHdr.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Interop;

for ([ 'IO::FDPass', sub { handles(@_, "\0") }, 'fdpass.pl' ],
    [ 'Socket::MsgHdr', \&messages, 'msghdr.pl' ])
{
    my ($module, $speaks, $program) = @$_;
    SKIP: {
        skip "there is no $module here", 1
            if !Interop::runs($^X, "-M$module", '-e', '0');
        $speaks->($module, [ $^X, program($program) ]);
    }
}

no_leak();
done_testing;
