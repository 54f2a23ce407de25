# Perl code that runs while arguments are read: tied variables, objects with a
# fileno method, overloading, layers of handles.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Leaving;

watchdog(60);    # some of it takes long beside other work

# A tied variable, an object and a string that leave when they are looked at.
my $LOOKED_AT = <<'END';
package Tied {
    sub TIESCALAR { bless [] }
    sub FETCH { main::leave(); fileno $main::us }
}
package Object {
    sub fileno { main::leave(); CORE::fileno $main::us }
}
package Number {
    use overload '0+' => sub { main::leave(); 0 },
        '""' => sub { main::leave(); '0' }, fallback => 1;
}
package main;
tie my $tied, 'Tied';
my $object = bless {}, 'Object';
my $number = bless {}, 'Number';
END

my %call = (
    'the connection of recv_fh'        => 'recv_fh(%s)',
    'the connection of recv_fd'        => 'recv_fd(%s)',
    'the descriptor of my_recv_fd'     => 'File::FDpasser::my_recv_fd(%s)',
    'the handle of send_file'          => 'send_file($us, %s)',
    'the connection of send_file'      => 'send_file(%s, $file)',
    'the descriptor of my_send_fd' =>
        'File::FDpasser::my_send_fd(fileno $us, %s)',
    'the listener of serv_accept_fh'   => 'serv_accept_fh(%s)',
    'the descriptor of get_fopen_mode' => 'get_fopen_mode(%s)',
    'the descriptor of my_getfl'       => 'my_getfl(%s)',
);
for my $name (sort keys %call) {
    for my $argument ('$tied', '$object') {
        my $call = sprintf $call{$name}, $argument;
        leaves("$name, $argument", <<"END");
$LOOKED_AT
\$us->blocking(0);
\$listener->blocking(0);
no warnings 'File::FDpasser';
my \@got = $call;
END
    }
}

leaves('the message of send_file\'s exception', $LOOKED_AT . <<'END');
eval { send_file($us, $number); 1 } or $@ =~ /\AInvalid/ or die $@;
leave() if !$left;
END

leaves('a tied path', <<'END');
package Path {
    sub TIESCALAR { bless [] }
    sub FETCH { main::leave(); "$dir/none" }
}
package main;
tie my $path, 'Path';
endp_connect($path);
cli_conn($path);
END

leaves('an overloaded path', <<'END');
package Path { use overload '""' => sub { main::leave(); "$dir/new" } }
package main;
my $made = endp_create(bless [], 'Path');
END

leaves('a tied handle', <<'END');
package Handle {
    sub TIEHANDLE { bless [] }
    sub FILENO { main::leave(); fileno $main::us }
}
package main;
tie *TIED, 'Handle';
$us->blocking(0);
eval { send_file($us, \*TIED); 1 } or $@ =~ /\AInvalid/ or die $@;
leave() if !$left;
END

for my $call ('recv_fh(%s)', 'send_file($us, %s)', 'serv_accept_fh(%s)') {
    my $line = sprintf $call, '$overloaded';
    leaves("an overloaded dereference, $line", <<"END");
package Glob {
    use overload '*{}' => sub { main::leave(); \$main::us }, fallback => 1;
}
package main;
my \$overloaded = bless {}, 'Glob';
\$us->blocking(0);
no warnings 'File::FDpasser';
my \@got = $line;
END
}

leaves('the flush of a layer', <<'END');
package Layer;
use PerlIO::via;
sub PUSHED { bless [] }
sub WRITE { main::leave() if !$main::left; return length $_[1] }
sub FLUSH { return 0 }
package main;
open my $layered, '>:via(Layer)', "$dir/layered" or die "$dir/layered: $!";
print {$layered} 'pending';
send_file($us, $layered);
recv_fh($peer) if $left;
END

no_leak();
done_testing;
