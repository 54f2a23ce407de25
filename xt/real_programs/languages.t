# Programs in Python, C, Go, Rust and PHP copy a file for one in Perl.

use strict;
use warnings;

use lib 't/lib', 'xt/lib';
use Test::More;
use RealProgram;
use Cookbook;
use Files;
use Manual;
use Program;
use Situation;

watchdog(300);    # cargo may have to fetch a crate

my $dir = workdir();
my ($ask, @peers) = recipe('Programs in Python, Go, Rust and C', $dir);
my %peer = map { /(\w+)\z/ => $_ } @peers;
write_file("$dir/text", join '', map {"line $_\n"} 1 .. 100_000);

sub copies {
    my ($name, @command) = @_;
    my $run = run($^X, $ask, "$dir/text", @command);
    ok $run->{out} eq content("$dir/text"), "$name copies" or diag $run->{err};
    is $run->{status}, 0, '... we end';
}

sub builds {
    my ($name, @command) = @_;
    my $run = run(@command);
    is $run->{status}, 0, "$name is built" or diag $run->{err};
}

my %built = (
    python3 => [ '--version', sub { copies('Python', 'python3', $peer{py}) } ],
    cc      => [ '--version', sub {
        builds('the C program', 'cc', '-Wall', '-Werror', '-o', "$dir/peer_c", $peer{c});
        copies('C', "$dir/peer_c");
    } ],
    go => [ 'version', sub {
        local $ENV{GOCACHE} = "$dir/go";
        builds('the Go program', 'go', 'build', '-o', "$dir/peer_go", $peer{go});
        copies('Go', "$dir/peer_go");
    } ],
    php => [ '--version', sub {
        my ($peer) = blocks(section('In PHP', content('perl/File/FDpasser/Protocol.pod')));
        write_file("$dir/peer.php", $peer);
        copies('PHP', 'php', "$dir/peer.php");
    } ],
    cargo => [ '--version', sub {
        mkdir "$dir/$_" or die "$_: $!" for 'rust', 'rust/src';
        write_file("$dir/rust/src/main.rs", content($peer{rs}));
        write_file("$dir/rust/Cargo.toml", <<'END');
[package]
name = "peer"
version = "0.0.0"
edition = "2021"
[dependencies]
sendfd = "=0.4.5"
END
        my @manifest = ('--quiet', '--manifest-path', "$dir/rust/Cargo.toml");
        run('cargo', 'fetch', @manifest)->{status} == 0 or skip 'no crate sendfd to be had', 1;
        builds('the Rust program', 'cargo', 'build', '--offline', @manifest);
        copies('Rust', "$dir/rust/target/debug/peer");
    } ],
);

for my $program (sort keys %built) {
    my ($version, $test) = @{ $built{$program} };
    SKIP: {
        needs($program => $version) or skip "no $program here", 1;
        $test->();
    }
}

like run($^X, $ask, "$dir/text", "$dir/nobody")->{err}, qr{^$dir/nobody: No such file or directory$}m,
    'a program that is not there';
like run($^X, $ask, "$dir/text", 'true')->{err}, qr/\Atrue: /, 'one that says nothing';

no_leak();
done_testing;
