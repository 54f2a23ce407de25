use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Race;
use Situation;

nodes(1000);

no_leak();
done_testing;
