# Measures File::FDpasser beside its peers: `make bench`, or in a built tree
#
#     perl bench/run.pl [--rounds N] [--minutes N] [--only WORK,...] [--peers PEER,...] [--write]
#
# Every sample is a process of its own, and a round takes one sample of
# everything, so that what slows the machine down slows all down. With --minutes
# no round begins that would not end in time. Prints medians, spreads and ratios;
# --write leaves them in bench/table.md and README.md, and the picture in
# images/bench.svg.
use 5.016;
use strict;
use warnings;
use lib 'bench/lib';

use Cwd 'abs_path';
use File::Basename 'dirname';
use File::Temp ();
use Getopt::Long 'GetOptions';
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use Chart ();
use Peers qw(find_peers run_peer);
use Statistics qw(median spread ratios);

# What IO::Pipe and the others cost that scripts get with the module.
my $LOADED_ALONG = join ' ', map {"use $_;"} qw(Socket Fcntl IO::Handle IO::Pipe);

# So many descriptors at most are there to be opened.
my $WANTED_OPEN = 100_000;
my $MOST_OPEN   = most_open();

# name, what one unit is, how many in a sample
my @WORKS = (
    [ numbers       => 'a number, received and closed',                 30_000 ],
    [ from_handles  => 'the same, the arguments being handles',         30_000 ],
    [ files         => 'a handle of a file, received and closed',       20_000 ],
    [ updates       => 'a handle of a file for both directions',        20_000 ],
    [ sockets       => 'a handle of a socket, received and closed',     20_000 ],
    [ batch_numbers => 'a number of 250 sent together',                 50_000 ],
    [ batch_handles => 'a handle of 250 sent together',                 25_000 ],
    [ connects      => 'connect, accept and close both',                6_000 ],
    [ two_processes => 'a number, from one process to another',         30_000 ],
    [ there_and_back => 'a number, to another process and back',        5_000 ],
    [ loads         => 'a script that loads the module',                20 ],
    [ open_10       => 'a number, 10 descriptors being open',           30_000 ],
    [ open_1000     => 'a number, 1,000 descriptors being open',        30_000 ],
    [ "open_$MOST_OPEN" => 'a number, ' . commas($MOST_OPEN) . ' descriptors being open', 30_000 ],
    [ queued_1      => 'a number, 1 message being queued',              30_000 ],
    [ queued_200    => 'a number, 200 messages being queued',           30_000 ],
    [ lines_bare    => 'a line with a descriptor, read_fd in a loop',   20_000 ],
    [ lines         => 'a line with a descriptor, a channel',           20_000 ],
    [ messages_bare => 'a message with a descriptor, by hand',          20_000 ],
    [ messages      => 'a message with a descriptor, channels',         20_000 ],
    [ pending_10000 => 'a message of 10,000 that have to wait',         50_000 ],
    [ pending_100000 => 'a message of 100,000 that have to wait',       100_000 ],
    [ step_free_slot  => 'of these: proving that a descriptor is free',     100_000 ],
    [ step_free_slots => 'of these: proving that 253 descriptors are free', 100_000 ],
);
my %UNITS = map { $_->[0] => $_->[2] } @WORKS;

# What the picture shows, and where it happens.
my %CHARTED = (
    numbers       => 'One descriptor, sent, received as a number and closed, in one process',
    files         => 'One file, sent, received as a handle and closed, in one process',
    sockets       => 'One socket, sent, received as a handle and closed, in one process',
    batch_numbers => 'One descriptor of 250 that are sent together, in one process',
    connects      => 'One connection: connect, accept and close both ends, in one process',
    two_processes => 'One descriptor, from one process to another, each on a core of its own',
    there_and_back => 'One descriptor to another process, and one back, both on one core',
);

# No peers: they do less.
my %IS_NO_PEER = map { $_ => 1 } qw(fdpasser core floor);

# what, ours, than what, at most; sample names, multiplied where there are two
my @GOALS = (
    [ 'send_file + recv_fd + POSIX::close, numbers', ['fdpasser/numbers'], ['io_fdpass/numbers'], 1.15 ],
    [ 'the same, handles', ['fdpasser/from_handles'], ['io_fdpass/numbers'], 1.15 ],
    [ 'send_file + recv_fh + close, files', ['fdpasser/files'], ['io_fdpass/files'], 1.00 ],
    [ 'the same, files for both directions', ['fdpasser/updates'], ['io_fdpass/updates'], 1.00 ],
    [ 'the same, sockets', ['fdpasser/sockets'], ['io_fdpass/sockets'], 1.05 ],
    [ 'send_files + recv_fds + close, 250 at a time', ['fdpasser/batch_numbers'], ['python/batch_numbers'], 1.05 ],
    [ 'the same', ['fdpasser/batch_numbers'], ['socket_msghdr/batch_numbers'], 1.00 ],
    [ 'send_files + recv_fhs, 250 at a time', ['fdpasser/batch_handles'], ['io_fdpass/files'], 0.30 ],
    [ 'connect + accept + close', ['fdpasser/connects'], ['perl_builtins/connects'], 1.02 ],
    [ 'two processes', ['fdpasser/two_processes'], ['io_fdpass/two_processes'], 1.25 ],
    ( map { [ 'the same', ['fdpasser/two_processes'], ["$_/two_processes"], 1.00 ] } qw(socket_msghdr python ruby) ),
    [ 'to another process and back', ['fdpasser/there_and_back'], ['io_fdpass/there_and_back'], 1.08 ],
    [ 'use File::FDpasser', ['fdpasser/loads'], ['modules/loads'], 1.05 ],
    ( map { growth( "open descriptors, 10 to " . commas($_), 'open_10', "open_$_" ) } 1000, $MOST_OPEN ),
    growth( 'queue depth, 1 to 200', 'queued_1', 'queued_200' ),
    [ 'read_line + take_fhs, than a read_fd loop', ['fdpasser/lines'], ['fdpasser/lines_bare'], 1.30 ],
    [ 'write_message + read_message, than by hand', ['fdpasser/messages'], ['fdpasser/messages_bare'], 1.50 ],
    [ 'messages that wait, 10,000 to 100,000', ['fdpasser/pending_100000'], ['fdpasser/pending_10000'], 1.15 ],
);

# Ours against the floor's own growth.
sub growth {
    my ( $what, $from, $to ) = @_;
    return [ "growth with $what", [ "fdpasser/$to", "floor/$from" ], [ "fdpasser/$from", "floor/$to" ], 1.05 ];
}

exit main();

sub main {
    my %options = ( rounds => 0 );
    GetOptions( \%options, 'rounds=i', 'minutes=f', 'only=s', 'peers=s', 'write' ) or return 2;
    chdir dirname( dirname( abs_path($0) ) );
    my $build = File::Temp->newdir('fdpasser-bench-XXXXXX', TMPDIR => 1);
    my ( $peers, $missing ) = find_peers("$build");
    die "The module is not built: run make first ($missing->{fdpasser})\n" if !$peers->{fdpasser};

    my @samples = wanted( $peers, \%options );
    my ( $rounds, %results ) = measure( $peers, \%options, @samples );
    my $about = about( $peers, $missing, $rounds );
    my $best  = best_table( $peers, \%results );
    my $text  = join "\n", $about, goals_table( \%results ), $best, results_table( $peers, \%results );
    print $text;
    if ( $options{write} ) {
        write_file( 'bench/table.md', $text );
        write_readme($best);
        write_file( 'images/bench.svg', chart( $peers, \%results, $about ) );
    }
    return 0;
}

# PEER/WORK, for all that there are.
sub wanted {
    my ( $peers, $options ) = @_;
    my %only  = map { $_ => 1 } split /,/, $options->{only}  // '';
    my %these = map { $_ => 1 } split /,/, $options->{peers} // '';
    my @samples;
    for my $work ( grep { !%only || $only{$_} } map { $_->[0] } @WORKS ) {
        my @able = $work eq 'loads' ? qw(fdpasser modules) : grep { can_do( $peers->{$_}, $work ) } sort keys %$peers;
        push @samples, map {"$_/$work"} grep { !%these || $these{$_} } @able;
    }
    return @samples;
}

sub can_do {
    my ( $peer, $work ) = @_;
    my $name = $work =~ s/_[0-9]+\z/_N/r;
    return $peer->{does}{$work} || $peer->{does}{$name};
}

# How many rounds, and for each sample the nanoseconds of one unit, round by round.
sub measure {
    my ( $peers, $options, @samples ) = @_;
    my $time   = 60 * ( $options->{minutes} // 0 );
    my $most   = $options->{rounds} || ( $time ? 1_000 : 11 );
    my $start  = clock_gettime(CLOCK_MONOTONIC);
    my $rounds = 0;
    my %results;
    while ( $rounds < $most ) {
        my $elapsed = clock_gettime(CLOCK_MONOTONIC) - $start;
        last if $time && $rounds && $elapsed + $elapsed / $rounds > $time;
        $rounds++;
        for my $sample (@samples) {
            progress("round $rounds: $sample");
            push @{ $results{$sample} }, measure_one( $peers, split m{/}, $sample );
        }
        push @samples, shift @samples;    # nobody is always after the same other
    }
    progress('');
    return ( $rounds, %results );
}

sub measure_one {
    my ( $peers, $peer, $work ) = @_;
    my $time = $work eq 'loads' ? load( $peers->{fdpasser}, $peer ) : run( $peers->{$peer}, $work );
    return $time / $UNITS{$work};
}

sub run {
    my ( $peer, $work ) = @_;
    my @command = ( @{ $peer->{command} }, $work, $UNITS{$work} );
    @command = ( 'sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', @command ) if $work =~ /^open_/;
    my $time = run_peer( { command => \@command } );
    return $time =~ /\A[0-9]+\n\z/ ? $time : die "@command: $time\n";
}

# A perl like that of the peer.
sub load {
    my ( $ours, $who ) = @_;
    my ( $perl, @options ) = @{ $ours->{command} };
    my $script  = $who eq 'fdpasser' ? 'use File::FDpasser;' : $LOADED_ALONG;
    my @command = ( $perl, $options[0], '-e', $script );
    my $start   = clock_gettime(CLOCK_MONOTONIC);
    for ( 1 .. $UNITS{loads} ) {
        system(@command) == 0 or die "$script fails\n";
    }
    return ( clock_gettime(CLOCK_MONOTONIC) - $start ) * 1e9;
}

sub progress {
    my $text = shift;
    return if !-t STDERR;
    local $| = 1;
    printf STDERR "\r%-60s%s", $text, length $text ? '' : "\r";
    return;
}

sub about {
    my ( $peers, $missing, $rounds ) = @_;
    my @here = map {"$peers->{$_}{title} ($peers->{$_}{version})"} sort keys %$peers;
    my $text = join "\n", 'Measured ' . POSIX::strftime( '%Y-%m-%d', gmtime ) . ' on ' . machine() . '.',
        'Peers: ' . join( ', ', @here ) . '.', "Medians of $rounds rounds.";
    $text .= "\nMissing here: " . join( '; ', map {"$_: $missing->{$_}"} sort keys %$missing ) . '.' if %$missing;
    if ( $MOST_OPEN < $WANTED_OPEN ) {
        $text .= sprintf "\nNot %s open descriptors but %s: the hard limit here is %s.", commas($WANTED_OPEN),
            commas($MOST_OPEN), commas( hard_limit() );
    }
    return "$text\n";
}

sub machine {
    my ( $system, undef, $release, undef, $architecture ) = POSIX::uname();
    my %cpu = ( name => $architecture, cores => 0 );
    if ( open my $info, '<', '/proc/cpuinfo' ) {
        while (<$info>) {
            $cpu{cores}++ if /^processor\b/;
            $cpu{name} = $1 if /^model name\s*:\s*(.+)/;
        }
    }
    return sprintf '%s%s, %s %s, perl %vd', $cpu{name}, $cpu{cores} ? ", $cpu{cores} cores" : '', $system, $release, $^V;
}

sub goals_table {
    my $results = shift;
    my @lines   = ( '| work | than | ratio | spread | at most | |', '| --- | --- | --: | --: | --: | --- |' );
    for my $goal (@GOALS) {
        my ( $what, $ours, $theirs, $most ) = @$goal;
        next if grep { !$results->{$_} } @$ours, @$theirs;
        my @ratios = ratios( product( @$results{@$ours} ), product( @$results{@$theirs} ) );
        my $ratio  = sprintf '%.2f', median(@ratios);
        push @lines, sprintf '| %s | %s | %s | %.0f %% | %.2f | %s |', $what, $theirs->[-1] =~ s{/.*}{}r, $ratio,
            spread(@ratios), $most, $ratio <= $most ? 'reached' : sprintf '+%.0f %%', 100 * ( $ratio / $most - 1 );
    }
    return join( "\n", @lines ) . "\n";
}

# Of each work that is charted, beside the fastest of the others.
sub best_table {
    my ( $peers, $results ) = @_;
    my @lines = ( '| work | best of the others | ns | File::FDpasser | ratio |', '| --- | --- | --: | --: | --: |' );
    for my $work ( grep { $CHARTED{$_} } map { $_->[0] } @WORKS ) {
        my $ours = $results->{"fdpasser/$work"} or next;
        my ($best) = sort { median( @{ $results->{$a} } ) <=> median( @{ $results->{$b} } ) } others( $results, $work );
        next if !$best;
        push @lines, sprintf '| %s | %s | %s | %s | %.2f |', lcfirst $CHARTED{$work}, title( $peers, $best ),
            map( { commas( sprintf '%.0f', median(@$_) ) } $results->{$best}, $ours ),
            median( ratios( $ours, $results->{$best} ) );
    }
    return join( "\n", @lines ) . "\n";
}

# The samples of the peers that do the work.
sub others {
    my ( $results, $work ) = @_;
    return grep { m{\A(.+)/\Q$work\E\z} && !$IS_NO_PEER{$1} } sort keys %$results;
}

sub product {
    my ( $first, @more ) = @_;
    my @product = @$first;
    for my $factor (@more) {
        $product[$_] *= $factor->[$_] for 0 .. $#product;
    }
    return \@product;
}

sub results_table {
    my ( $peers, $results ) = @_;
    my @lines = ( '| one unit | peer | ns | spread |', '| --- | --- | --: | --: |' );
    for my $work (@WORKS) {
        my @samples = sort { median( @{ $results->{$a} } ) <=> median( @{ $results->{$b} } ) }
            grep {m{/\Q$work->[0]\E\z}} keys %$results;
        for my $sample (@samples) {
            my @times = @{ $results->{$sample} };
            push @lines, sprintf '| %s | %s | %s | %.0f %% |', $work->[1], title( $peers, $sample ),
                commas( sprintf '%.0f', median(@times) ), spread(@times);
        }
    }
    return join( "\n", @lines ) . "\n";
}

sub title {
    my ( $peers, $sample ) = @_;
    my ($peer) = split m{/}, $sample;
    return $peers->{$peer} ? $peers->{$peer}{title} : 'Socket, Fcntl, IO::Handle, IO::Pipe';
}

sub chart {
    my ( $peers, $results, $about ) = @_;
    my @groups;
    for my $work ( grep { $CHARTED{ $_->[0] } } @WORKS ) {
        my @bars = map { [ title( $peers, $_ ), median( @{ $results->{$_} } ), m{^fdpasser/} ? 'ours' : m{^floor/} ? 'floor' : '' ] }
            grep { m{/\Q$work->[0]\E\z} && !m{^core/} } keys %$results;
        push @groups, [ $CHARTED{ $work->[0] }, sort { $a->[1] <=> $b->[1] } @bars ] if @bars;
    }
    my ($machine) = split /\n/, $about;
    return Chart::svg( 'Nanoseconds, by File::FDpasser and others', $machine, @groups );
}

# The table behind the comment that says so.
sub write_readme {
    my $table = shift;
    my $text  = read_file('README.md');
    $text =~ s{(?<=<!-- as `make bench BENCH=--write` left it -->\n).*?\n(?=\n)}{$table}s
        or die "README.md has no place for the table\n";
    write_file( 'README.md', $text );
    return;
}

sub read_file {
    my $path = shift;
    open my $file, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

sub write_file {
    my ( $path, $text ) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file or die "$path: $!\n";
    return;
}

sub hard_limit {
    my $limit = `sh -c 'ulimit -Hn'`;
    return $limit =~ /([0-9]+)/ ? $1 : 1_000_000;
}

# With some to spare for the peer itself.
sub most_open {
    my $limit = hard_limit() - 100;
    return $limit < $WANTED_OPEN ? $limit : $WANTED_OPEN;
}

sub commas {
    my $number = shift;
    1 while $number =~ s/^([0-9]+)([0-9]{3})/$1,$2/;
    return $number;
}
