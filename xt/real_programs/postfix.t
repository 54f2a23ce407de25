# postscreen, of a Postfix of our own, passes its clients to us.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram postconf => 'mail_version';
use Cookbook;
use Files;
use Program;
use Situation;

plan skip_all => 'Postfix wants to be started by root' if $> != 0;
my $daemons = '/usr/lib/postfix/sbin';
-x "$daemons/postscreen" or plan skip_all => "no postscreen in $daemons";

my $dir       = workdir();
my ($greeter) = recipe('Be the smtpd behind postscreen', $dir);
my $port      = free_port();

chmod 0755, $dir or die "$dir: $!";
my ($uid, $gid) = (getpwnam 'postfix')[ 2, 3 ];
mkdir "$dir/$_" or die "$_: $!" for qw(conf data queue), map {"queue/$_"} qw(pid private public);
chown $uid, $gid, map {"$dir/$_"} qw(data queue/private queue/public) or die "chown: $!";
write_file("$dir/conf/main.cf", <<"END");
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
daemon_directory = $daemons
myhostname = test.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.0/24
postscreen_greet_wait = 1s
postscreen_cache_map =
smtpd_service_name = perl
maillog_file = /dev/stdout
END
write_file("$dir/conf/master.cf", <<"END");
$port inet n - n - 1 postscreen
postlog unix-dgram n - n - 1 postlogd
dnsblog unix - - n - 0 dnsblog
END

my $greets = start($^X, $greeter, "$dir/queue/private/perl");
is $greets->line, "ready\n", 'we listen';
my $master = start("$daemons/master", '-c', "$dir/conf", '-d');
soon { -s "$dir/queue/pid/master.pid" } 'Postfix';
my $client;
soon { $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) } 'postscreen';
is readline $client, "220-test.example ESMTP Postfix\r\n", 'postscreen greets';
is readline $client, '421 not today, 127.0.0.1 port ' . $client->sockport . "\r\n", '... and we speak on';

close $client;
$_->end('TERM') for $master, $greets;
no_leak();
done_testing;
