# A module that was loaded before a fork works in every child, at once.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use File::FDpasser;
use POSIX ();

my $dir = workdir();

# It has worked here before the children are made, too.
{
    my ($one, $two) = spipe();
    send_file($one, \*STDIN);
    ok defined recv_fh($two), 'a pass before fork';
}

{
    my $go = gate();
    my @children = map {
        my $tag = "child $_";
        in_child {
            my ($one, $two) = spipe();
            my $file = tagged($tag);
            my $heard = '';
            local $File::FDpasser::on_text = sub { $heard .= $_[0] };
            $go->wait;
            my $right = 0;
            for my $pass (1 .. 100) {
                syswrite $one, "$tag\n" if $pass % 10 == 0;
                send_file($one, $file) or die "send_file: $!";
                $right += tag_of(scalar recv_fh($two)) eq $tag;
            }
            close $_ for $one, $two, $file;
            return ($right, $heard eq "$tag\n" x 10, leaked());
        }
    } 1 .. 20;
    $go->open for @children;
    is_deeply [ $_->result ], [ 100, 1 ], 'a child: 100 passes' for @children;
}
no_leak('none left over by children');

# Between parent and child, both ways, and between two children.
{
    my ($one, $two) = spipe();
    my $file  = tagged('of the parent');
    my $child = in_child {
        close $one;
        my $got = recv_fh($two);
        my $own = tagged('of the child');
        send_file($two, $own);
        return tag_of($got);
    };
    close $two;
    send_file($one, $file);
    is tag_of(scalar recv_fh($one)), 'of the child', 'from a child';
    is $child->result, 'of the parent', 'to a child';
    fails { recv_fh($one) } undef, 'ENOTCONN', 'and then it is gone';

    ($one, $two) = spipe();
    my $sender   = in_child { send_file($one, tagged('a sibling')) };
    my $receiver = in_child { tag_of(scalar recv_fh($two)) };
    is $sender->result,   1,           'between children: sent';
    is $receiver->result, 'a sibling', 'between children: received';
}

# A server's parent makes the endpoint, its children serve it.
{
    my $listener = endp_create("$dir/endpoint") or die "endp_create: $!";
    my $file = tagged('served');
    my @workers = map {
        in_child {
            my $served = 0;
            for (;;) {
                my $client = serv_accept_fh($listener, my $uid)
                    or die "serv_accept_fh: $!";
                sysread $client, my $word, 1;
                last if $word eq 'q';
                die "uid $uid" if $uid != $>;
                send_file($client, $file) or die "send_file: $!";
                $served++;
            }
            return ($served, leaked());
        }
    } 1 .. 4;
    my $right = 0;
    for (1 .. 100) {
        my $connection = endp_connect("$dir/endpoint")
            or die "endp_connect: $!";
        syswrite $connection, '?';
        $right += tag_of(scalar recv_fh($connection)) eq 'served';
    }
    is $right, 100, '100 clients of four workers';
    my @last = map { endp_connect("$dir/endpoint") } @workers;
    syswrite $_, 'q' for @last;
    my @served = map { [ $_->result ] } @workers;
    is_deeply [ grep { @$_ > 1 } @served ], [], 'no worker leaked';
    my $total = 0;
    $total += $_->[0] for @served;
    is $total, 100, 'each client served once';
}

no_leak();
done_testing;
