package Files;

# Files and directories that tests make and look at.
#
#     use Files;
#
#     write_file($path, "bytes");          # anew
#     is content($path), "bytes";
#     is names($dir), 'file socket';       # sorted, those with a dot too

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(write_file content names);

sub write_file {
    my ($path, $content) = @_;
    open my $out, '>:raw', $path or die "$path: $!";
    print {$out} $content;
    close $out or die "$path: $!";
    return;
}

sub content {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!";
    return join '', readline $in;
}

sub names {
    my ($directory) = @_;
    opendir my $listing, $directory or die "$directory: $!";
    return join ' ', sort grep { !/\A\.\.?\z/ } readdir $listing;
}

1;
