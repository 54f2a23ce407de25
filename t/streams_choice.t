# Which transport is used is decided when the module is loaded.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use POSIX ();

use Situation;

delete $ENV{FDPASSER_TRANSPORT};
my $show = 'use File::FDpasser; print File::FDpasser::transport(), " ", $File::FDpasser::OS';
my $default = run_perl('-e', $show);

sub chosen {
    my ($value, @switches) = @_;
    local $ENV{FDPASSER_TRANSPORT} = $value;
    delete $ENV{FDPASSER_TRANSPORT} if !defined $value;
    return run_perl(@switches, '-e', $show);
}

SKIP: {
    skip 'streams are the default here', 6 if $default =~ /^streams/;
    is $default, 'socket bsd', 'sockets unless asked';
    is chosen('streams'), 'streams (emulated) svr', 'streams if asked';
    is chosen('socket'),  'socket bsd', 'sockets if asked';
    is chosen('Streams'), 'socket bsd', 'another word is ignored';
    is chosen('streams', '-T'), 'socket bsd', 'taint mode ignores it';
    is chosen('streams', '-t'), 'socket bsd', '... and so does its mild form';
}
is run_perl('-e', q{
    use File::FDpasser;
    $ENV{FDPASSER_TRANSPORT} = 'streams';
    print File::FDpasser::transport();
}), (split / \w+$/, $default)[0], 'later is too late';
is run_perl('-e', q{
    BEGIN { $ENV{FDPASSER_TRANSPORT} = 'streams' }
    use File::FDpasser;
    print $File::FDpasser::OS;
}), 'svr', 'BEGIN is not';
SKIP: {
    skip 'only root can be somebody else', 4 if $> != 0;
    # perl's own taint mode begins with some of them, with others not.
    for my $id ('$<', '$(', '$)', '$>') {
        my $said = run_perl('-e', qq{
            BEGIN { \$ENV{FDPASSER_TRANSPORT} = 'streams' }
            BEGIN { $id = 65534 }
            eval { require File::FDpasser }
                or print(\$@ =~ /Permission denied/ ? 'unreadable' : \$@), exit;
            print File::FDpasser::transport();
        });
        skip 'nobody else can read this directory', 1 if $said eq 'unreadable';
        is $said, (split / \w+$/, $default)[0], "with different ids it is ignored: $id";
    }
}
{
    local $ENV{FDPASSER_TRANSPORT} = 'socket';
    is run_perl('-MSocket', '-e', q{
        use File::FDpasser;
        socketpair my $one, my $two, AF_UNIX, SOCK_SEQPACKET, 0 or die $!;
        print File::FDpasser::my_isastream(fileno $one);
        print File::FDpasser::my_isastream(1000), " ", $!{EBADF} ? 'EBADF' : $!;
    }), '0-1 EBADF', 'packets are no streams then';
}

no_leak();
done_testing;
