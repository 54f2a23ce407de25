package Hostile::Case;

# A case: what one hostile peer does, and which calls it does that to. As text,
# so that what was found can be kept, read and changed by hand:
#
#     # a status behind a name counts for the name          (why it is here)
#     transport socket      # or streams
#     type stream           # seqpacket, dgram
#     noted                 # SO_PASSCRED on the victim's end
#     blocking              # or not: non-blocking is silent
#     live                  # blocking, and the peer acts while the call waits
#     signal restart        # how a handler is installed that ends the waits:
#                           # plain, restart, die
#     ticking               # ... and runs all the time
#     timeout 150           # of a channel, in milliseconds
#     call recv_fhs 3       # in turn, if there are several; a number: $max;
#                           # of what is sent: bytes, descriptors
#     round 4 room 1        # so many calls, so many free descriptor numbers:
#     write 6e616d65 1      # ... after these acts. Bytes in hexadecimal, and
#     oob 78                # how many descriptors come along
#     round 2
#     flood 6162 1          # ... again and again, from now on
#     read 3                # takes so many reads' worth of what was sent
#     connect 2             # so many clients; leave 1: so many go away
#     accept 1              # so many clients are let in; tell 1: and told so
#     shut                  # close, reset, remove (the listener's name)
#
#     my $case = Hostile::Case->parse($text);
#     print $case->text;

use strict;
use warnings;

my @FLAGS  = qw(noted blocking live ticking);
my @VALUES = qw(transport type signal timeout);
my @COUNTS = qw(read connect leave accept tell);
my @ACTS   = (qw(write oob flood shut close reset remove), @COUNTS);

sub new {
    my ($class, %case) = @_;
    return bless { calls => [], rounds => [], why => '', %case }, $class;
}

sub parse {
    my ($class, $text) = @_;
    my $self = $class->new;
    for my $line (split /\n/, $text) {
        $self->{why} .= "$1\n" if $line =~ /\A#\s*(.*)/;
        $line =~ s/\s*#.*//;
        my ($word, @rest) = split ' ', $line or next;
        $self->take($word, @rest);
    }
    return $self;
}

sub take {
    my ($self, $word, @rest) = @_;
    if (grep { $_ eq $word } @FLAGS) { $self->{$word} = 1 }
    elsif (grep { $_ eq $word } @VALUES) { $self->{$word} = $rest[0] }
    elsif ($word eq 'call') { push @{ $self->{calls} }, [@rest] }
    elsif ($word eq 'round') {
        my ($calls, %option) = @rest;
        push @{ $self->{rounds} }, { calls => $calls, acts => [], %option };
    }
    elsif (grep { $_ eq $word } @ACTS) { push @{ $self->{rounds}[-1]{acts} }, act_of($word, @rest) }
    else { die "a case has no $word\n" }
    return;
}

sub act_of {
    my ($word, @rest) = @_;
    return { do => $word, count => $rest[0] } if grep { $_ eq $word } @COUNTS;
    my ($hex, $descriptors) = @rest;
    my $bytes = defined $hex && $hex ne '-' ? pack 'H*', $hex : '';
    return { do => $word, bytes => $bytes, descriptors => $descriptors || 0 };
}

sub text {
    my ($self) = @_;
    my @lines = map {"# $_"} split /\n/, $self->{why};
    push @lines, map { "$_ $self->{$_}" } grep { defined $self->{$_} } @VALUES;
    push @lines, grep { $self->{$_} } @FLAGS;
    push @lines, map {"call @$_"} @{ $self->{calls} };
    for my $round (@{ $self->{rounds} }) {
        push @lines, "round $round->{calls}" . (defined $round->{room} ? " room $round->{room}" : '');
        push @lines, map { act_text($_) } @{ $round->{acts} };
    }
    return join '', map {"$_\n"} @lines;
}

sub act_text {
    my ($act) = @_;
    return "$act->{do} $act->{count}" if defined $act->{count};
    return $act->{do} if $act->{do} =~ /\A(?:shut|close|reset|remove)\z/;
    my $hex = length $act->{bytes} ? unpack 'H*', $act->{bytes} : '-';
    return "$act->{do} $hex" . ($act->{descriptors} ? " $act->{descriptors}" : '');
}

1;
