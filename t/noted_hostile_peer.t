# The same as hostile_peer.t on connections that note who sends.

use strict;
use warnings;

use lib 't/lib';
use Noted;

Noted::again('t/hostile_peer.t');
