use strict;
use warnings;
use lib 't/lib';
use Test::More;
use Situation;

# What a script finds after "use File::FDpasser;".

BEGIN {
    my @printed;
    local $SIG{__WARN__} = sub { push @printed, @_ };
    require_ok('File::FDpasser');
    is "@printed", '', 'loading warns of nothing';
}

my @default = qw(send_file recv_fd recv_fh serv_accept_fd serv_accept_fh
    cli_conn spipe endp_create endp_connect my_getfl get_fopen_mode);
my @by_full_name
    = qw(my_send_fd my_recv_fd my_serv_accept bind_to_fs my_isastream);
my %prototype = (
    (map { $_ => '$' } qw(cli_conn my_getfl my_recv_fd my_isastream)),
    (map { $_ => '$$' } qw(my_send_fd my_serv_accept bind_to_fs)),
);

sub imported_by {
    my ($import) = @_;
    my $package = 'Importer' . ++our $count;
    eval "package $package; $import; 1" or return "died: $@";
    no strict 'refs';
    return join ' ', sort grep { defined &{"${package}::$_"} }
        keys %{"${package}::"};
}

is imported_by('use File::FDpasser'), join(' ', sort @default),
    'exactly the eleven are exported by default';
is join(' ', sort @File::FDpasser::EXPORT), join(' ', sort @default),
    '@EXPORT lists the eleven';
is imported_by('use File::FDpasser ()'), '', 'an empty list imports nothing';
is imported_by('use File::FDpasser qw(spipe recv_fh)'), 'recv_fh spipe',
    'names can be chosen';
like imported_by('use File::FDpasser qw(no_such_sub)'),
    qr/\Adied: .*"no_such_sub" is not exported/s,
    'what is not there is not exported';
is imported_by('use File::FDpasser 0.09'), join(' ', sort @default),
    'a script that asks for 0.09 is served';
like imported_by('use File::FDpasser 99'), qr/version 99 required/,
    'a script that asks for more than this is not';
isa_ok 'File::FDpasser', 'Exporter';
can_ok 'File::FDpasser', 'import', 'export_to_level';
cmp_ok(File::FDpasser->VERSION, '>=', 1, 'the version');

for my $name (@default, @by_full_name) {
    ok defined(File::FDpasser->can($name)),
        "File::FDpasser::$name is callable by its full name";
    is prototype("File::FDpasser::$name"), $prototype{$name},
        "prototype of $name";
}

# A name that "no warnings" takes is one that the module has registered.
ok eval q{no warnings 'File::FDpasser'; 1},
    'the warnings category can be switched off';

{
    no warnings 'once';
    like $File::FDpasser::OS, qr/\A(?:bsd|svr)\z/, '$File::FDpasser::OS';
    is_deeply [ grep { !/\A(?:bsd|svr)\z/ } values %File::FDpasser::ostype ],
        [], '%File::FDpasser::ostype names nothing but bsd and svr';
    is $File::FDpasser::ostype{linux}, 'bsd',   'linux is one with sockets';
    is $File::FDpasser::ostype{solaris}, 'svr', 'solaris is one with streams';
    is $File::FDpasser::OS, 'bsd', 'and so is this'
        if $^O eq 'linux' && ($ENV{FDPASSER_TRANSPORT} || '') ne 'streams';
}

# Only a fresh process tells who loaded them: this one has, for its own needs.
is run_perl('-e', <<'SCRIPT'), '', 'the modules that scripts use come along';
use File::FDpasser;
print "$_ " for grep { !$INC{$_} }
    qw(Socket.pm Fcntl.pm IO/Handle.pm IO/Pipe.pm);
SCRIPT
is run_perl('-e', <<'SCRIPT'), "ok\n", 'their methods work unasked';
use File::FDpasser;
my $pipe = new IO::Pipe;
STDOUT->autoflush(1);
print Socket::AF_UNIX() && Fcntl::F_GETFL() + 1 && $pipe ? "ok\n" : "not ok\n";
SCRIPT
is run_perl('-we', 'require File::FDpasser for 1, 2; print "ok"'), 'ok',
    'loaded twice';

# The functions that 0.09 had in XS count their arguments.
my %right_count = map { $_ => length $prototype{$_} } keys %prototype;
for my $name (sort keys %right_count) {
    my $sub = File::FDpasser->can($name);
    for my $count (0 .. 3) {
        next if $count == $right_count{$name};
        eval { &$sub((77) x $count) };
        like $@, qr/\AUsage: File::FDpasser::$name\([^)]*\)/,
            "$name with $count arguments";
    }
    ok !eval "File::FDpasser::$name(); 1", "$name() does not compile";
    like $@, qr/Not enough arguments for File::FDpasser::$name/, '... says why';
}

no_leak();
done_testing;
