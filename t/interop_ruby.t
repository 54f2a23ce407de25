# Ruby: send_io and recv_io, sendmsg and recvmsg.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Interop;

needs('Ruby', 'ruby', '-rsocket', '-e', '0');

handles('Ruby', [ 'ruby', program('send_io.rb') ], "\0");
messages('Ruby', [ 'ruby', program('sendmsg.rb') ]);

no_leak();
done_testing;
