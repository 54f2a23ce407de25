# The same as wire_framing.t on connections that note who sends.

use strict;
use warnings;

use lib 't/lib';
use Noted;

Noted::again('t/wire_framing.t');
