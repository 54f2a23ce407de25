package SecondChance;

# A harness for machines that nobody watches: a test that fails is run again,
# alone, when all have been run. What then passes is called unsteady, by name;
# what fails twice has failed.
#
#     HARNESS_SUBCLASS=SecondChance make test
#     perl -It/lib -S prove -b --harness SecondChance xt/soak.t

use strict;
use warnings;

use parent 'TAP::Harness';
use TAP::Parser::Aggregator ();

sub aggregate_tests {
    my ($self, $aggregate, @tests) = @_;
    my $first = $self->aggregate_of(@tests);
    my %again = map { $_ => 1 } $first->failed, $first->parse_errors, $first->exit, $first->wait;
    my @again = grep { $again{ name_of($_) } } @tests;
    my $second = $self->one_after_the_other(@again);

    # In the order in which they ended, whichever run of them counts.
    for my $name ($first->descriptions) {
        my ($parser) = ($again{$name} ? $second : $first)->parsers($name);
        $aggregate->add($name, $parser);
        print STDERR "# unsteady, failed once and passed alone: $name\n"
            if $again{$name} && !$parser->has_problems;
    }
    return;
}

sub aggregate_of {
    my ($self, @tests) = @_;
    my $aggregate = TAP::Parser::Aggregator->new;
    $self->SUPER::aggregate_tests($aggregate, @tests) if @tests;
    return $aggregate;
}

sub one_after_the_other {
    my ($self, @tests) = @_;
    my $jobs = $self->jobs;
    $self->jobs(1);
    my $aggregate = $self->aggregate_of(@tests);
    $self->jobs($jobs);
    return $aggregate;
}

# A test is its path, or [ path, name ].
sub name_of { my ($test) = @_; return ref $test ? $test->[1] : $test }

1;
