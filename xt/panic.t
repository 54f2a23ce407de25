use strict;
use warnings;

# A fault of the library itself, a Rust panic, becomes a Perl exception that says
# where it was; nothing is printed and nothing leaks. As there is no such fault
# that we know of, two are put into a copy. Run from the top of the
# distribution: prove -v xt/panic.t

use ExtUtils::Manifest ();
use File::Temp         ();
use Test::More;

alarm 600;

my $scratch = File::Temp->newdir('fdpasser-panic-XXXXXX', TMPDIR => 1);
my $copy    = "$scratch/File-FDpasser";
{
    local $ExtUtils::Manifest::Quiet = 1;
    ExtUtils::Manifest::manicopy(ExtUtils::Manifest::maniread(), $copy, 'cp');
}
chdir $copy or die "$copy: $!";

# Puts Rust code behind the one place in a file that matches.
sub put_behind {
    my ($pattern, $code, $file) = @_;
    local ($^I, @ARGV) = ('.orig', $file);
    my $places = 0;
    while (my $line = <>) {
        $places += $line =~ s/($pattern)/$1 $code/;
        print $line;
    }
    is $places, 1, "one place in $file: $code";
}

sub faulty {
    my ($when) = @_;
    return qq(if std::env::var_os("PANIC").is_some_and(|at| at == "$when") {)
        . qq( std::panic::panic_any(String::from("on purpose")); });
}

put_behind(qr/^fn begin\(.*\{$/m, faulty('begin'), 'src/xs/boundary.rs');
put_behind(qr/let wait = \|\|/, '{' . faulty('wait'), 'src/xs/boundary.rs');
put_behind(qr/suspended\.operation\.wait\(signals\(call\)\)(?=;)/,
    '}', 'src/xs/boundary.rs');
is system("$^X Makefile.PL >log 2>&1 && make >>log 2>&1"), 0, 'it builds'
    or diag(`cat log`);

my $script = <<'PERL';
    use File::FDpasser;
    my ($us, $peer) = spipe();
    sub descriptors { opendir my $dir, '/dev/fd'; return scalar(() = readdir $dir) }
    my $before = descriptors();
    my %said;
    $ENV{PANIC} = shift;
    for (1 .. 50) {
        $said{$@}++ if !eval { recv_fh($us); 1 };
    }
    delete $ENV{PANIC};
    print "$said{$_} times: $_" for keys %said;
    print descriptors() - $before, " more\n";
    print send_file($us, *STDIN) && recv_fh($peer) ? "goes on\n" : "$!\n";
PERL
open my $file, '>', "$scratch/script" or die $!;
print {$file} $script;
close $file;

for my $when (qw(begin wait)) {
    local $ENV{RUST_BACKTRACE} = 1;
    my $said = `$^X -Mblib=$copy $scratch/script $when 2>&1 </dev/null`;
    like $said, qr{\A50\ times:\ File::FDpasser:\ internal\ error,\ please\ report
        \ it\ \(src/xs/boundary\.rs:\d+\)\ at\ \S+\ line\ \d+\.\n0\ more\ngoes\ on\n\z}x,
        "a panic: $when";
}

chdir '/';
done_testing;
