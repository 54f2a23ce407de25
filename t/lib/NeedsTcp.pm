package NeedsTcp;

# `use NeedsTcp;` skips a test where TCP leads nowhere, not even back here: in
# a new network namespace, say, as builds without a network have it.

use strict;
use warnings;

use IO::Socket::INET;
use Test::More ();

sub import {
    my $server = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
    return if $server && IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->sockport);
    Test::More::plan(skip_all => "no TCP here: $@");
}

1;
