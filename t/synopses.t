# The synopses of File::FDpasser::Channel, ::Loop and ::Queue run as they stand,
# and end.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Files;
use Manual;
use Situation;

my %prints = (
    Channel => [ qr/\Athe first line: .+\n\z/, qr/\Ahow many: 2\n\z/ ],
    Loop    => [ qr/\Asent\nreceived \d+\n\z/, qr/\Ahello\n\z/ ],
    Queue   => [
        qr/\Aboth are on their way\nthe first is .*\nthe second is .*\n\z/,
        qr/\ASTDIN again, as descriptor \d+\n\z/,
    ],
);

sub programs {
    my ($module) = @_;
    eval "require File::FDpasser::$module" or die $@;
    my $manual = content($INC{"File/FDpasser/$module.pm"});
    return grep {/\Ause strict;\n/} blocks(section('SYNOPSIS', $manual));
}

for my $module (sort keys %prints) {
    my @programs = programs($module);
    is scalar @programs, 2, "$module: two programs";
    for my $number (0 .. $#programs) {
        my ($loop) = $programs[$number] =~ /^use (AnyEvent|IO::Async::Loop);/m;
        SKIP: {
            skip "$loop is not here", 1 if $loop && !eval "require $loop";
            like run_perl('-e', $programs[$number]), $prints{$module}[$number],
                "... the $number. runs";
        }
    }
}

no_leak();
done_testing;
