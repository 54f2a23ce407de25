use strict;
use warnings;

# What Makefile.PL tells CPAN, as `perl Makefile.PL` left it in MYMETA.json.

use CPAN::Meta ();
use ExtUtils::Manifest ();
use Test::More;

my $meta    = CPAN::Meta->load_file('MYMETA.json');
my @shipped = sort keys %{ ExtUtils::Manifest::maniread() };

is_deeply [ $meta->licenses ], ['perl_5'], 'the licence';
is_deeply [ sort map { $_->{file} } values %{ $meta->provides } ],
    [ grep {m{^perl/.*\.pm\z}} @shipped ], 'provides: every module';
is $_->{version}, $meta->version, "provides: the version of $_->{file}" for values %{ $meta->provides };

# What is of CPAN: without it a test skips, and an example says so.
my %optional = map { $_ => 1 } qw(HTTP::Daemon HTTP::Response IO::FDPass Socket::MsgHdr);

# The modules that files use.
sub used_by {
    my %used;
    for my $file (@_) {
        open my $handle, '<', $file or die "$file: $!";
        while ( my $line = <$handle> ) {
            last if $line =~ /^__END__$/;
            $used{$1} = $file if $line =~ /^(?:use|require) ([A-Z][\w:]*)/;
        }
    }
    return \%used;
}

sub required_for {
    my $prereqs = $meta->effective_prereqs;
    return map { $prereqs->requirements_for( $_, 'requires' )->required_modules } @_;
}

sub all_listed {
    my ( $name, $used, @listed ) = @_;
    my %known = ( %optional, map { $_ => 1 } @listed, keys %{ $meta->provides } );
    $known{$_} = 1 for map { m{(?:^inc|^t/lib)/(.*)\.pm\z} ? $1 =~ s{/}{::}gr : () } @shipped;
    is join( ', ', map {"$_ ($used->{$_})"} grep { !$known{$_} } sort keys %$used ), '', $name;
}

all_listed( 'what the modules use', used_by( grep {m{^perl/.*\.pm\z}} @shipped ), required_for('runtime') );
all_listed( 'what the build uses', used_by( 'Makefile.PL', grep {m{^inc/}} @shipped ),
    required_for(qw(configure build)) );
all_listed( 'what tests and examples use',
    used_by( grep {m{^(?:t|examples)/.*\.(?:pl|pm|t)\z}} @shipped ), required_for(qw(runtime build test)) );

done_testing;
