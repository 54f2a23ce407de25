# The same as full_table_receive.t on connections that note who sends.

use strict;
use warnings;

use lib 't/lib';
use Noted;

Noted::again('t/full_table_receive.t');
