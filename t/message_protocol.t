# A small protocol of a program's own by write_fd and read_fd: a line of JSON,
# and with it the descriptors that it speaks of.
#
#     {"id":1,"do":"open","path":"notes","mode":"r"}
#     {"id":1,"done":true,"handles":["notes"]}          and a descriptor
#     {"id":2,"do":"log","to":["out","copy"]}           and two descriptors

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;

use Encode  ();
use Errno   ();
use File::FDpasser qw(:all);
use JSON::PP ();

use constant { MAX_LINE => 65_536, MAX_HANDLES => 253 };

my $JSON = JSON::PP->new->canonical->utf8;
my $dir  = workdir();
Situation::new_baseline();

# ---- the protocol: an end of it is a hash of conn, buffer and waiting handles

sub end { my ($conn) = @_; return { conn => $conn, buffer => '', handles => [] } }

sub say_to {
    my ($end, $message, @fh) = @_;
    my $line = $JSON->encode($message) . "\n";
    my $sent = write_fd($end->{conn}, $line, @fh);
    defined $sent && $sent == length $line or die "write_fd: $!\n";
}

# The next message and its handles; the empty list at the end. The descriptors
# came with the line's first byte, which is read before its last.
sub hear {
    my ($end) = @_;
    while (index($end->{buffer}, "\n") < 0) {
        length $end->{buffer} < MAX_LINE or die "a line without an end\n";
        my ($bytes, @fh) = read_fd($end->{conn}, MAX_LINE, MAX_HANDLES);
        defined $bytes or die "read_fd: $!\n";
        return if $bytes eq '';
        $end->{buffer} .= $bytes;
        push @{ $end->{handles} }, @fh;
    }
    $end->{buffer} =~ s/\A(.*)\n// or die;
    my $message = $JSON->decode($1);
    my @fh = splice @{ $end->{handles} }, 0, @{ $message->{handles} || [] };
    return ($message, @fh);
}

# ---- a server that opens files, and writes to handles that it is sent

my %DO = (
    open => sub {
        my ($message) = @_;
        my $path = "$dir/$message->{path}";
        open my $fh, $message->{mode}, $path or return ({ errno => $! + 0 });
        return ({ handles => [ $message->{path} ] }, $fh);
    },
    log => sub {
        my ($message, @fh) = @_;
        my $line = Encode::encode_utf8("$message->{text}\n");
        for my $fh (@fh) {
            syswrite $fh, $line or return ({ errno => $! + 0 });
        }
        return ({ handles => [] });
    },
);

sub serve {
    my ($end) = @_;
    while (my ($message, @fh) = hear($end)) {
        my ($answer, @sent) = $DO{ $message->{do} }->($message, @fh);
        say_to($end, { %$answer, id => $message->{id} }, @sent);
    }
    return leaked();
}

# ---- and its client

my ($ours, $theirs) = spipe();
my $server = in_child { close $ours; serve(end($theirs)) };
close $theirs;
my $client = end($ours);
my $id     = 0;

sub ask {
    my ($request, @fh) = @_;
    say_to($client, { %$request, id => ++$id }, @fh);
    my ($answer, @got) = hear($client);
    is delete $answer->{id}, $id, "answer $id";
    return ($answer, @got);
}

{
    my ($answer, $fh) = ask({ do => 'open', path => 'notes', mode => '>' });
    is_deeply $answer, { handles => ['notes'] }, 'a file is opened for us';
    ok print({ $fh } "a line\n") && close $fh, 'we write to it';

    ($answer, $fh) = ask({ do => 'open', path => 'notes', mode => '<' });
    is scalar readline $fh, "a line\n", 'and read from it';

    ($answer, my @none) = ask({ do => 'open', path => 'missing', mode => '<' });
    is_deeply [ $answer, @none ], [ { errno => Errno::ENOENT() } ],
        'an error is an answer without a descriptor';

    pipe my $out, my $in or die "pipe: $!";
    my $copy = tagged('');
    ($answer) = ask({ do => 'log', text => "caf\x{e9} \x{263a}",
        handles => [qw(out copy)] }, $in, $copy);
    is_deeply $answer, { handles => [] }, 'two descriptors go to the server';
    close $in;
    my $line = "caf\xc3\xa9 \xe2\x98\xba\n";
    is join('', readline $out), $line, 'which writes to the one';
    is tag_of($copy), $line, 'and to the other';
}

# Many lines at once: each descriptor stays with its line.
{
    my @files = map { tagged('') } 1 .. 40;
    say_to($client, { do => 'log', id => $_, text => "line $_", handles => ['it'] },
        $files[ $_ - 1 ])
        for 1 .. 40;
    is_deeply [ map { (hear($client))[0]{id} } 1 .. 40 ], [ 1 .. 40 ],
        'forty requests before the first answer is read';
    is_deeply [ map { tag_of($_) } @files ], [ map {"line $_\n"} 1 .. 40 ],
        'each line in its own file';
}

# A long line comes in several reads, with all of its descriptors.
{
    my @files = map { tagged('') } 1 .. 100;
    say_to($client, { do => 'log', id => 1, text => 'x' x 1000,
        handles => [ ('a name that is not short' x 20) x 100 ] }, @files);
    is_deeply((hear($client))[0], { id => 1, handles => [] },
        'a line of 50,000 bytes with 100 descriptors');
    is scalar(grep { -s $_ == 1001 } @files), 100, 'has reached each of them';
}

undef $client;
close $ours;
is_deeply [ $server->result ], [], 'nothing is left over at the server';
undef $dir;
no_leak();
done_testing;
