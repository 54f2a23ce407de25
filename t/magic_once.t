# Arguments with magic are read once, whatever becomes of them: tied variables,
# tied handles, overloaded objects, objects with a fileno method.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;

use File::FDpasser qw(:all);
no warnings 'File::FDpasser';
use POSIX ();

our $reads;

{
    package Counted;    # a scalar
    sub TIESCALAR { my ($class, $value) = @_; return bless [$value], $class }
    sub FETCH { $main::reads++; return $_[0][0] }
    sub STORE { }
}
{
    package Handle;     # a handle
    sub TIEHANDLE { my ($class, $fh) = @_; return bless [$fh], $class }
    sub FILENO { $main::reads++; return fileno $_[0][0] }
}
{
    package Object;
    sub new    { my ($class, $fh) = @_; return bless [$fh], $class }
    sub fileno { $main::reads++; return CORE::fileno($_[0][0]) }
}
{
    package Glob;
    use overload '*{}' => sub { $main::reads++; return $_[0]->() }, fallback => 1;
}
{
    package Text;
    use overload '""' => sub { $main::reads++; return $_[0][0] }, fallback => 1;
}

sub tied_to {
    my ($value) = @_;
    tie my $tied, 'Counted', $value;
    return \$tied;
}

# once { CODE } $name: CODE reads one argument, once.
sub once (&$) {
    my ($code, $name) = @_;
    local $reads = 0;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    eval { $code->() };
    return is $reads, 1, $name;
}

my $dir = workdir();
my ($us, $peer) = spipe();
$_->blocking(0) for $us, $peer;
open my $file, '<', $0 or die "$0: $!";

$File::FDpasser::on_text = sub { };    # what write_fd writes
tie *TIED, 'Handle', $file;
my %handle = (
    'a tied handle'     => sub { \*TIED },
    'an object'         => sub { Object->new($file) },
    'an overloaded one' => sub { bless sub { $file }, 'Glob' },
);
my %tied = map { my $value = $_; ("tied to $$value[0]" => tied_to($$value[1])) } (
    [ 'a handle'              => $file ],
    [ 'a number'              => fileno $file ],
    [ 'a string of digits'    => '' . fileno $file ],
    [ 'a number of no handle' => 1e20 ],
    [ 'a large number'        => 2**53 ],
    [ 'a word'                => 'word' ],
    [ 'a closed handle'       => do { open my $fh, '<', $0 or die; close $fh; $fh } ],
    [ 'undef'                 => undef ],
);

# What is read as a handle. One that is refused is shown, as it was read.
my %takes_handle = (
    send_file      => sub { send_file($us, $_[0]) },
    'send_file over it' => sub { send_file($_[0], $file) },
    my_send_fd     => sub { File::FDpasser::my_send_fd($us, $_[0]) },
    'my_send_fd over it' => sub { File::FDpasser::my_send_fd($_[0], 0) },
    write_fd       => sub { write_fd($us, 'x', $_[0]) },
    send_files     => sub { send_files($us, $file, $_[0]) },
    send_err       => sub { send_err($_[0], 2, '') },
    recv_fh        => sub { recv_fh($_[0]) },
    recv_fd        => sub { recv_fd($_[0]) },
    recv_fhs       => sub { recv_fhs($_[0]) },
    read_fd        => sub { read_fd($_[0], 10, 10) },
    serv_accept_fh => sub { serv_accept_fh($_[0]) },
    my_getfl       => sub { my_getfl($_[0]) },
    get_fopen_mode => sub { get_fopen_mode($_[0]) },
    my_isastream   => sub { File::FDpasser::my_isastream($_[0]) },
    peer_cred      => sub { peer_cred($_[0]) },
);
for my $name (sort keys %takes_handle) {
    my $call = $takes_handle{$name};
    once { $call->($handle{$_}->()) } "$name, $_" for sort keys %handle;
    once { $call->(${ $tied{$_} }) } "$name, $_"  for sort keys %tied;
    1 while my @got = recv_fhs($peer);
}

# Numbers, strings, paths, options
for my $value (10, '10', 'word', 1.5, undef, -1, []) {
    my $shown = defined $value ? $value : 'undef';
    my $tied  = tied_to($value);
    once { read_fd($us, $$tied, 1) } "bytes to read: $shown";
    once { recv_fhs($us, $$tied) } "how many handles: $shown";
    once { send_err($us, $$tied, '') } "an errno: $shown";
    once { File::FDpasser::my_send_fd($us, $$tied) } "a status: $shown";
    once { write_fd($us, $$tied) } "bytes: $shown";
    once { endp_create("$dir/a", mode    => $$tied) } "an option's value: $shown";
    once { endp_create("$dir/a", backlog => $$tied) } "another's: $shown";
    once { endp_create("$dir/a", exclusive => $$tied) } "a flag: $shown";
    once { endp_connect("$dir/none", timeout => $$tied) } "a timeout: $shown";
    1 while my @got = recv_fhs($peer);
}
for my $name ('exclusive', 'no_such', '', "\x{263a}") {
    my $tied = tied_to($name);
    once { endp_create("$dir/a", $$tied, 1) } 'an option, ' . (length $name) . ' characters';
    once { endp_create("$dir/a", $$tied) } '... without a value';
}
once { endp_connect(${ tied_to("$dir/none") }) } 'a path';
once { endp_connect(bless ["$dir/none"], 'Text') } 'an object as a path';
once { write_fd($us, bless ['bytes'], 'Text') } 'an object as bytes';
once { endp_create("$dir/a", (bless ['exclusive'], 'Text') => 1) } 'an object as a name';

# The largest text is read once a call that meets text.
{
    tie $File::FDpasser::max_text, 'Counted', 1000;
    syswrite $peer, 'text' x 10;
    send_file($peer, $file);
    once { recv_fh($us) } '$max_text';
    untie $File::FDpasser::max_text;
    $File::FDpasser::max_text = 1000;
}

# What is told of text is known by a look at it.
{
    my $text    = '';
    my $on_text = $File::FDpasser::on_text;
    undef $File::FDpasser::on_text;
    tie $File::FDpasser::on_text, 'Counted', sub { $text .= $_[0] };
    syswrite $peer, "text\0\x0d";
    recv_fh($us);
    is $text, 'text', 'a tied $on_text is called';
    untie $File::FDpasser::on_text;
    $File::FDpasser::on_text = $on_text;
}

untie *TIED;
%handle = %tied = ();
undef $_ for $us, $peer, $file;
no_leak();
done_testing;
