# A signal handler that dies anywhere in a File::FDpasser::Channel: what was called
# is called again, or known to be done, and nothing is lost, nothing comes twice,
# and a loop that does what it is told goes on.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use Situation;
use Peer;
use Steps;
use Told;

use File::FDpasser qw(:all);
use File::FDpasser::Channel;
use Socket;

watchdog(60);    # some of it takes long beside other work

my @files = map { tagged("f$_") } 0 .. 3;

# What there will be: a channel and its loop, and what has come out of it.
sub beginning {
    my ($type, @options) = @_;
    my ($us, $peer) = pair($type ? $type : ());
    $peer->blocking(0);
    return {
        us      => $us,
        peer    => $peer,
        loop    => Told->new($us, $peer),
        options => \@options,
        read    => [],
        tags    => [],
        events  => '',
    };
}

sub making {
    my ($it) = @_;
    return [ undef, sub {
        $it->{channel} = File::FDpasser::Channel->new($it->{us}, @{ $it->{options} });
    } ];
}

# In a loop: what is called, and how often; what comes is taken, or is not.
sub in_loop {
    my ($it, $takes, @more) = @_;
    my ($events, $take) = (\$it->{events}, $takes ? taking($it) : sub { });
    my $says = sub { my ($what) = @_; sub { $$events .= "$what "; moment() } };
    my $input = $says->('input');
    # Not within what knows the channel: perl 5.40 keeps that as long as these.
    my %on = (
        on_wants => $it->{loop}->on_wants,
        on_input => sub { $input->(); $take->($_[0]) },
        on_end   => $says->('end'),
        on_error => sub { $says->('error ' . errno_name($!))->() },
        on_drain => $says->('drain'),
    );
    my $make = sub {
        $it->{channel} =
            File::FDpasser::Channel->new($it->{us}, blocking => 0, %on, @more);
    };
    return [ new => $make, sub { $it->{channel} || $make->() } ];
}

# Lines as they come, and what comes with them.
sub taking {
    my ($it) = @_;
    my ($read, $tags) = @$it{qw(read tags)};
    return sub {
        my ($channel) = @_;
        while (1) {
            push @$read, $channel->read_line;
            next if defined $read->[-1];
            pop @$read;
            last;
        }
        my @fhs;
        while ($channel->fhs_waiting) {
            push @fhs, $channel->take_fhs(1);
            push @$tags, tag_of(shift @fhs);
        }
    };
}

# What is read is put where it stays in the statement that reads it.
sub reading {
    my ($it, $method, @arguments) = @_;
    my $expected = @{ $it->{reads} ||= [] };
    push @{ $it->{reads} }, $method;
    my $read = sub { push @{ $it->{read} }, $it->{channel}->$method(@arguments) };
    return [ $method => $read, sub { $read->() if @{ $it->{read} } == $expected } ];
}

# A write, which was taken or was not.
sub writing {
    my ($it, $method, @arguments) = @_;
    my $before = $it->{taken} || 0;
    $it->{taken} = $before + length($arguments[0]) + ($method eq 'write' ? 0 : 6);
    my $write = sub { $it->{channel}->$method(@arguments) or die "$method: $!" };
    return [ $method => $write, sub {
        $write->() if $it->{channel}->bytes_taken == $before;
        $it->{channel}->flush or die "flush: $!" if $it->{channel}->blocking;
    } ];
}

# What was left of the input, which its callback was told of, is taken.
sub looping {
    my ($it) = @_;
    my $loop = sub { $it->{loop}->run($it->{channel}) };
    my $take = taking($it);
    return [ ready => $loop, sub {
        $take->($it->{channel}) if $it->{events} =~ /input/;
        $loop->();
    } ];
}

sub closing {
    my ($it) = @_;
    return [ close => sub { $it->{channel}->close } ];
}

sub differs {
    my ($what, $is, $expected) = @_;
    return $is eq $expected ? () : "$what: " . substr $is, 0, 100;
}

# Nothing more finds room.
sub fill {
    my ($us) = @_;
    setsockopt $us, SOL_SOCKET, SO_SNDBUF, 4096 if !OverStreams::lack('small buffers');
    $us->blocking(0);
    for my $length (4096, 1) { 1 while syswrite $us, 'x' x $length }
    $us->blocking(1);
}

# What has come out at the peer, with the files' tags.
sub came {
    my ($it) = @_;
    my ($bytes, @tags) = ('');
    while (1) {
        my ($more, @fh) = read_fd($it->{peer}, 65536, 253);
        last if !defined $more || !length $more;
        $bytes .= $more;
        push @tags, map { tag_of($_) } @fh;
    }
    return ($bytes, "@tags");
}

left_anywhere('a channel that reads', sub {
    my $it = beginning();
    write_fd($it->{peer}, "line\n12345some", $files[0]);
    return (
        making($it),
        reading($it, 'read_line'),
        reading($it, read_exactly => 5),
        reading($it, 'read_some'),
        reading($it, take_fhs => 1),
        sub {
            differs(read => join(' ', map { ref $_ ? tag_of($_) : $_ } @{ $it->{read} }),
                "line\n 12345 some f0");
        },
    );
});

left_anywhere('a channel that reads messages', sub {
    my $it = beginning();
    my $writer = File::FDpasser::Channel->new($it->{peer});
    $writer->write_message('first', @files[ 0, 1 ]);
    $writer->write_message('second', $files[2]);
    return (
        making($it),
        reading($it, 'read_message'),
        sub {
            my @all = (@{ $it->{read} }, $it->{channel}->read_message);
            differs(read => join(' ', map { ref $_ ? tag_of($_) : $_ } @all),
                'first f0 f1 second f2');
        },
    );
});

# Datagrams, and empty ones.
left_anywhere('a channel that reads packets', sub {
    my $it = beginning(SOCK_DGRAM);
    write_fd($it->{peer}, 'one', $files[0]);
    send $it->{peer}, '', 0;
    write_fd($it->{peer}, 'two', $files[1]);
    return (
        making($it),
        reading($it, 'read_message'),
        [ undef, sub { push @{ $it->{read} }, $it->{channel}->read_message for 1, 2 } ],
        sub {
            differs(read => join(' ', map { ref $_ ? tag_of($_) : "'$_'" } @{ $it->{read} }),
                q('one' f0 '' 'two' f1));
        },
    );
});

# More descriptors than one message brings, where they find room.
my $many = OverStreams::lack('batches') ? 2 : 300;
left_anywhere('a channel that writes', sub {
    my $it = beginning();
    return (
        making($it),
        writing($it, write => 'bytes', $files[0]),
        [ undef, writing($it, write => 'many', ($files[1]) x $many)->[1] ],
        writing($it, write_message => 'message', $files[2]),
        sub {
            my ($bytes, $tags) = came($it);
            return (
                differs(bytes => $bytes, 'bytesmany' . pack('N n', 7, 1) . 'message'),
                differs(tags => $tags, join ' ', 'f0', ('f1') x $many, 'f2'),
                differs(pending => $it->{channel}->pending_bytes, 0),
            );
        },
    );
});

# A handler that writes as well, and comes back: whole writes, in either order, and
# all of it has gone.
{
    my $writer;
    left_anywhere('a channel that writes, as its handler does', sub {
        my $it = beginning();
        return (
            making($it),
            [ undef, sub { $writer = $it->{channel} } ],
            [ write => sub { $it->{channel}->write('bytes', $files[0]) or die "write: $!" } ],
            sub {
                undef $writer;
                my ($bytes, $tags) = came($it);
                return (
                    differs(bytes => $bytes =~ s/\Awithin|within\z//r, 'bytes'),
                    differs(tags => $tags =~ s/ ?f1 ?//r, 'f0'),
                    differs(pending => $it->{channel}->pending_bytes, 0),
                );
            },
        );
    }, sub { $writer->write('within', $files[1]) or die "within: $!" });
}

# What is written has to wait for a peer that reads, and ends it.
left_anywhere('a channel in a loop', sub {
    my $it = beginning();
    my ($bytes, $tags) = ('', '');
    write_fd($it->{peer}, "line\n", $files[0]);
    fill($it->{us});
    my $reads = sub {
        my @came = came($it);
        $bytes .= $came[0];
        $tags  .= $came[1];
    };
    my (undef, $loop, $again) = @{ looping($it) };
    my $end = sub {
        shutdown $it->{peer}, Socket::SHUT_WR() if !OverStreams::are_asked_for();
        close $it->{peer}                       if OverStreams::are_asked_for();
        $loop->();
    };
    return (
        in_loop($it, 1),
        writing($it, write => 'written', $files[1]),
        [ undef, $reads ],
        [ ready => $loop, $again ],
        [ undef, $reads ],
        [ undef, $end ],
        closing($it),
        sub {
            return (
                differs(read   => "@{ $it->{read} }", "line\n"),
                differs(tags   => "@{ $it->{tags} }", 'f0'),
                differs(bytes  => $bytes =~ s/\Ax+//r, 'written'),
                differs(tags   => $tags, 'f1'),
                differs(events => $it->{events} =~ s/input //gr, 'drain end '),
                defined fileno $it->{us} ? 'it is not closed' : (),
                "@{ $it->{loop}{wants} }[ 0, 1 ]" ne '0 0' ? 'it is watched' : (),
            );
        },
    );
});

# The peer goes with output that waits, and with input that is taken bit by bit.
left_anywhere('a channel that fails', sub {
    my $it = beginning();
    my $in_loop = in_loop($it, 0, max_bytes => 2);
    return (
        [ undef, $in_loop->[1] ],
        [ undef, sub {
            fill($it->{us});
            $it->{channel}->write('written') or die "write: $!";
            syswrite $it->{peer}, "1\n2\n3\n";
            close $it->{peer};
        } ],
        [ ready => sub { $it->{loop}->run($it->{channel}) } ],
        [ read_line => sub {
            while (@{ $it->{read} } < 3) {
                push @{ $it->{read} }, $it->{channel}->read_line;
                pop @{ $it->{read} } if !defined $it->{read}[-1];
                $it->{loop}->run($it->{channel});
            }
        } ],
        sub {
            return (
                differs(read => join('', @{ $it->{read} }), "1\n2\n3\n"),
                differs(events => $it->{events} =~ s/input //gr, 'error EPIPE end '),
            );
        },
    );
});

# As many descriptors as nobody takes.
left_anywhere('a channel with too many descriptors', sub {
    my $it = beginning();
    my $in_loop = in_loop($it, 0, max_fhs => 2);
    write_fd($it->{peer}, 'much', @files[ 0 .. 2 ]);
    return (
        [ undef, $in_loop->[1] ],
        [ read_line => sub { $it->{channel}->read_line } ],
        [ ready => sub { $it->{loop}->run($it->{channel}) } ],
        sub {
            return (
                differs(events => $it->{events} =~ s/input //gr, 'error EMSGSIZE '),
                differs(fhs => $it->{channel}->fhs_waiting, 2),
            );
        },
    );
});

@files = ();
no_leak();
done_testing;
