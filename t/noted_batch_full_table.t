# The same as batch_full_table.t on connections that note who sends.

use strict;
use warnings;

use lib 't/lib';
use Noted;

Noted::again('t/batch_full_table.t');
