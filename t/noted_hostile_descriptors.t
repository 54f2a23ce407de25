# The same as hostile_descriptors.t on connections that note who sends.

use strict;
use warnings;

use lib 't/lib';
use Noted;

Noted::again('t/hostile_descriptors.t');
