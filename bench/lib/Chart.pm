package Chart;

# Horizontal bars in groups, as SVG that reads on a light and a dark page.

use strict;
use warnings;

my $WIDTH  = 720;
my $LABEL  = 150;    # the bars begin here
my $ROW    = 17;
my $HEAD   = 30;     # a group's title
my $MARGIN = 24;

my $STYLE = <<'CSS';
    text { font: 11px ui-sans-serif, -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1f2328 }
    .title { font-size: 13px; font-weight: 600 }
    .group { font-weight: 600 }
    .small { font-size: 10.5px; fill: #59636e }
    .peer { text-anchor: end }
    .panel { fill: #ffffff; stroke: #d1d9e0 }
    .bar { fill: #afb8c1 }
    .floor { fill: #d1d9e0 }
    .ours { fill: #bc4c00 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .small { fill: #9198a1 }
      .panel { fill: #0d1117; stroke: #3d444d }
      .bar { fill: #656c76 }
      .floor { fill: #3d444d }
      .ours { fill: #f0883e }
    }
CSS

# svg($title, $foot, [ GROUP, [ LABEL, NUMBER, CLASS ], ... ], ...); each group
# has a scale of its own.
sub svg {
    my ( $title, $foot, @groups ) = @_;
    my $y    = 2 * $MARGIN + 14;
    my $body = text( $MARGIN, $MARGIN + 26, 'small', 'shorter is better; each group has a scale of its own' );
    for my $group (@groups) {
        my ( $name, @bars ) = @$group;
        my ($most) = sort { $b <=> $a } map { $_->[1] } @bars;
        $y += $HEAD;
        $body .= text( $MARGIN, $y - 8, 'group', $name );
        for my $bar (@bars) {
            $body .= bar( $y, $most, @$bar );
            $y += $ROW;
        }
    }
    my $height = $y + 2 * $MARGIN;
    $body .= text( $MARGIN, $height - $MARGIN, 'small', $foot );
    return document( $title, $height, $body );
}

sub bar {
    my ( $y, $most, $label, $number, $class ) = @_;
    my $width = ( $WIDTH - $LABEL - 90 ) * $number / $most;
    return text( $LABEL - 10, $y + 11, 'peer', $label )
        . sprintf( qq{  <rect class="bar %s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>\n}, $class, $LABEL, $y, $width, $ROW - 5 )
        . text( $LABEL + $width + 8, $y + 11, 'small', sprintf '%.0f ns', $number );
}

sub text {
    my ( $x, $y, $class, $text ) = @_;
    return sprintf qq{  <text class="%s" x="%.1f" y="%d">%s</text>\n}, $class, $x, $y, escaped($text);
}

sub document {
    my ( $title, $height, $body ) = @_;
    my $heading = text( $MARGIN, $MARGIN + 8, 'title', $title );
    my ( $panel_width, $panel_height ) = ( $WIDTH - 2, $height - 2 );
    $title = escaped($title);
    return <<"SVG";
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $height" width="$WIDTH" height="$height" role="img" aria-labelledby="title">
  <title id="title">$title</title>
  <style>
$STYLE  </style>
  <rect class="panel" x="1" y="1" width="$panel_width" height="$panel_height" rx="12"/>
$heading$body</svg>
SVG
}

sub escaped {
    my $text = shift;
    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    return $text;
}

1;
