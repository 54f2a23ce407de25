use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Race;
use Situation;

restarts(100);

no_leak();
done_testing;
