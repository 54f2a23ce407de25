package Mutations;

# Small faults, made of a source file of Rust, C or Perl.
#
#     use Mutations;
#
#     for my $mutant (Mutations::of('src/wait.rs', $text)) {
#         say "$mutant->{file}:$mutant->{line} $mutant->{operator}";
#         say "- $mutant->{before}";       # the lines that differ
#         say "+ $mutant->{after}";
#         write_file($mutant->{file}, $mutant->{text});
#     }
#
#     Mutations::marked($file, $text, sub { "/tmp/reached/$_[0]" });
#                                          # each function makes a directory of
#                                          # its name when it is called
#     Mutations::function_of($file, $text, $line);
#
# An operator is a name, a pattern whose group 1 is replaced, and what takes its
# place: strings, one mutant each, or code that returns them. Patterns see the
# source without comments, strings, tests and manuals.

use strict;
use warnings;

my %SWAPPED = (
    '&&' => '||', '||' => '&&', 'and' => 'or', 'or' => 'and', '//' => '&&',
    '==' => '!=', '!=' => '==', 'eq' => 'ne', 'ne' => 'eq',
    '<' => '<=', '<=' => '<', '>' => '>=', '>=' => '>',
    '+' => '-', '-' => '+',
    'true' => 'false', 'false' => 'true', 'TRUE' => 'FALSE', 'FALSE' => 'TRUE',
    'min' => 'max', 'max' => 'min', 'any' => 'all', 'all' => 'any',
    'is_some' => 'is_none', 'is_none' => 'is_some', 'is_ok' => 'is_err', 'is_err' => 'is_ok',
    'shift' => 'pop', 'pop' => 'shift', 'push' => 'unshift', 'unshift' => 'push',
    'last' => 'next', 'next' => 'last', 'if' => 'unless', 'unless' => 'if',
);

# Up to where the work begins.
my $RUST_FUNCTION = qr/\bfn \w+[^{};]*?(?:-> [^{;]+?)?\s*\{()\n/;
my $C_FUNCTION    = qr/^(?:static )?[\w ]+\*?\n\w+\([^{;]*\)\n\{()\n/m;
my $PERL_FUNCTION = qr/^sub \w+ \{\n(?:[ ]+my [^;\n]*\@_;\n)?()/m;

# What an array begins with and how long it is, in Rust.
my $ARRAY = qr/(?<=\[)[0-9]+; |(?<=; )[0-9]+\]/;

my @EVERYWHERE = (
    [ 'equality',   qr/(?<=\s)([!=]=)(?=\s)/,                    \&swapped ],
    [ 'order',      qr/(?<=\s)([<>]=?)(?=\s)/,                   \&swapped ],
    [ 'not',        qr/(?<![\w!\$])(!)(?=[\w(&*\$\@])/,          sub {''} ],
    [ 'constant',   qr/(?<![\w.\$])([0-9]+)(?!\w|\.\d)/,         \&neighbours ],
    [ 'arithmetic', qr/(?<=[\w)\]}] )([-+])(?= [\w(\$])/,        \&swapped ],
    [ 'arithmetic', qr/(?<=\s)([-+])(?==\s)/,                    \&swapped ],
    [ 'flag',       qr/(?<=[\w)])(\s+\|\s+[\w:]+(?:\(\))?)(?![\w:(])/, sub {''} ],
);

my @RUST = (
    # A closure without arguments looks like an `or`.
    [ 'and, or',   qr/(?<![(,=>{\s]|move)\s+(&&|\|\|)(?=\s)/,      \&swapped ],
    [ 'condition', qr/\bif (?!let\b)([^{};\n]+?)(?= (?:\{\n|=>))/, \&forced ],
    [ 'bool',      qr/\b(true|false)\b/,                           \&swapped ],
    [ 'method',    qr/\.(min|max|any|all|is_some|is_none|is_ok|is_err)\(/, \&swapped ],
    [ 'errno',     qr/\bErrno::(E\w+)/, sub { $_[0] eq 'EINVAL' ? 'ENOENT' : 'EINVAL' } ],
    [ 'error',     qr/\bError::([A-Z]\w+)\b(?!\()/, sub { $_[0] eq 'Refused' ? 'Malformed' : 'Refused' } ],
    [ 'statement', qr/[;{}]\s*\n[ ]+((?!let [^_]|return|use|break|continue)(?:let _ = )?[\w:.&*]+\([^;{}]*\)\??;)(?=\n)/, sub {''} ],
    [ 'statement', qr/[;{}]\s*\n[ ]+([\w.*]+ [-+|&]?= [^;{}]+;)(?=\n)/, sub {''} ],
    [ 'return',    $RUST_FUNCTION,                                 \&rust_return ],
);

my @C = (
    [ 'and, or',   qr/(?<=\s)(&&|\|\|)(?=\s)/,                     \&swapped ],
    [ 'condition', qr/\bif \(([^\n]+)\)(?= \{\n|\n)/,              \&c_forced ],
    [ 'bool',      qr/\b(TRUE|FALSE)\b/,                           \&swapped ],
    [ 'errno',     qr/\b(E[A-Z]{3,})\b/, sub { $_[0] eq 'EINVAL' ? 'ENOENT' : 'EINVAL' } ],
    [ 'statement', qr/[;{})]\s*\n[ ]+((?!return|goto|break|switch|if|while|for)\w[\w>.\-]*\([^;{}]*\);)(?=\n)/, sub {';'} ],
    [ 'statement', qr/[;{})]\s*\n[ ]+([\w>.\-\[\]*]+ [-+|&]?= [^;{}]+;)(?=\n)/, sub {';'} ],
    [ 'return',    $C_FUNCTION,                                    \&c_return ],
);

my @PERL = (
    [ 'and, or',   qr{(?<=\s)(&&|\|\||//|and|or)(?=\s)},           \&swapped ],
    [ 'equality',  qr/(?<=\s)(eq|ne)(?=\s)/,                       \&swapped ],
    [ 'condition', qr/\b(?:if|unless) \(([^\n]+)\)(?= \{\n)/,      \&perl_forced ],
    [ 'condition', qr/(?<=\S)\s+(?:if|unless) ([^\n;{}]+)(?=;\n)/, \&perl_forced ],
    [ 'condition', qr/\b(if|unless)\b/,                            \&swapped ],
    [ 'loop',      qr/(?<![\$\@%>\w])(last|next)\b/,               \&swapped ],
    [ 'method',    qr/(?<![\$\@%>\w])(shift|pop|push|unshift)\b/,  \&swapped ],
    [ 'errno',     qr/(?:Errno::|\$!\{)(E\w+)/, sub { $_[0] eq 'EINVAL' ? 'ENOENT' : 'EINVAL' } ],
    [ 'statement', qr/[;{}]\s*\n[ ]+((?!return|my\b|our\b|use\b|no\b|next|last|package|sub\b)[\$\w&][^;{}]*;)(?=\s*\n)/, sub {';'} ],
    [ 'statement', qr/[;{}]\s*\n[ ]+(\$self->\{[^;\n]*;)(?=\s*\n)/, sub {';'} ],
    [ 'return',    $PERL_FUNCTION,                                 sub {'    return;'} ],
);

my %LANGUAGE = (
    rs => {
        mask      => \&mask_rust,
        operators => [ @EVERYWHERE, @RUST ],
        function  => $RUST_FUNCTION,
        mark      => ' extern "C" { fn fdp_mark(path: *const std::ffi::c_char); }'
            . ' { static ONCE: std::sync::Once = std::sync::Once::new();'
            . ' ONCE.call_once(|| unsafe { fdp_mark(c"%s".as_ptr()) }); }',
    },
    c => {
        mask      => \&mask_c,
        operators => [ @EVERYWHERE, @C ],
        function  => $C_FUNCTION,
        mark      => ' extern void fdp_mark(const char *); static int once; if (!once++) fdp_mark("%s");',
    },
    pm => {
        mask      => \&mask_perl,
        operators => [ @EVERYWHERE, @PERL ],
        function  => $PERL_FUNCTION,
        mark      => 'use feature "state"; { state $once = 0; local $!; $once++ or mkdir "%s" }',
    },
);

# What the marks of Rust and C call.
my $MARK_IN_C = <<'C';
#include <errno.h>
#include <sys/stat.h>
void fdp_mark(const char *path) { int before = errno; mkdir(path, 0777); errno = before; }
C
my $HAS_MARK = 'src/xs/guard.c';

sub language_of {
    my ($file) = @_;
    my ($ending) = $file =~ /\.(\w+)\z/;
    return $LANGUAGE{$ending} || die "$file: neither Rust nor C nor Perl\n";
}

# In the order of the lines. Two operators may make the same.
sub of {
    my ($file, $text) = @_;
    my $language = language_of($file);
    my $mask     = $language->{mask}->($text);
    my (@mutants, %seen);
    for my $operator (@{ $language->{operators} }) {
        my ($name, $pattern, $replacements) = @$operator;
        while ($mask =~ /$pattern/g) {
            my ($from, $to) = ($-[1], $+[1]);
            my $matched = substr $mask, $-[0], $+[0] - $-[0];
            my $shown   = $name eq 'return' ? $-[0] : $from;
            pos($mask) = $from + 1 if $to > $from;    # what follows may match, too
            for my $with ($replacements->(substr($text, $from, $to - $from), $matched)) {
                my $mutant = mutant($text, $shown, $from, $to, $with);
                @$mutant{qw(file operator)} = ($file, $name);
                push @mutants, $mutant if !$seen{ $mutant->{text} }++;
            }
        }
    }
    return sort { $a->{line} <=> $b->{line} } @mutants;
}

sub mutant {
    my ($text, $shown, $from, $to, $with) = @_;
    my $mutated = $text;
    substr $mutated, $from, $to - $from, $with;
    my $first = 1 + rindex $text, "\n", $shown - 1;
    my $last  = index $text, "\n", $to;
    return {
        line   => line_of($text, $from),
        before => one_line(substr $text, $first, $last - $first),
        after  => one_line(substr $mutated, $first, $last - $first + length($with) - ($to - $from)),
        text   => $mutated,
    };
}

sub one_line {
    my ($lines) = @_;
    return join ' ', split ' ', $lines;
}

# ---- functions, by a name without slashes; what has one name is one

sub marked {
    my ($file, $text, $path) = @_;
    my $language = language_of($file);
    for my $function (reverse functions($file, $text)) {
        substr $text, $function->{at}, 0, sprintf $language->{mark}, $path->($function->{name});
    }
    return $file eq $HAS_MARK ? $text . $MARK_IN_C : $text;
}

# undef outside of all.
sub function_of {
    my ($file, $text, $line) = @_;
    my @around = grep { $_->{first} <= $line && $line <= $_->{last} } functions($file, $text);
    return @around ? $around[-1]{name} : undef;
}

sub functions {
    my ($file, $text) = @_;
    my $language = language_of($file);
    my $mask     = $language->{mask}->($text);
    my @functions;
    while ($mask =~ /$language->{function}/g) {
        my ($begins, $at) = ($-[0], $-[1]);
        my ($name) = substr($mask, $begins, $at - $begins) =~ /(?:\bfn |^sub |^(?=\w+\())(\w+)/m;
        my ($indent) = substr($mask, 1 + rindex($mask, "\n", $begins - 1)) =~ /\A([ ]*)/;
        next if substr($mask, 0, $begins) =~ /const (?:unsafe )?\z/;
        my ($body) = substr($mask, $at) =~ /\A(.*?^$indent\})/ms or next;
        my $first = line_of($mask, $begins);
        push @functions, {
            name => name_of_file($file) . $name, at => $at,
            first => $first, last => line_of($mask, $at + length $body),
        };
    }
    return @functions;
}

sub name_of_file { my ($file) = @_; return $file =~ tr{/}{+}r . ':' }

sub line_of { my ($text, $at) = @_; return 1 + (substr($text, 0, $at) =~ tr/\n//) }

# ---- what takes the place

sub swapped { return $SWAPPED{ $_[0] } }

sub neighbours { my ($number) = @_; return ($number + 1, $number > 0 ? $number - 1 : ()) }

sub forced      { return ("true || ($_[0])", "false && ($_[0])") }
sub c_forced    { return ("1 || ($_[0])",    "0 && ($_[0])") }
sub perl_forced { return ("(1 || ($_[0]))",  "(0 && ($_[0]))") }

my %RUST_VALUES = (
    '()' => [''], 'bool' => [qw(true false)], (map { $_ => [0] } qw(u8 u32 u64 i32 i64 usize)),
);

sub rust_return {
    my (undef, $head) = @_;
    my ($type) = $head =~ /.*-> (.+?)\s*\{\s*\z/s;
    $type = '()' if !defined $type;
    return map {" return $_;"} rust_values($type);
}

sub rust_values {
    my ($type) = @_;
    return @{ $RUST_VALUES{$type} } if $RUST_VALUES{$type};
    return 'None' if $type =~ /\AOption</;
    my ($fine) = $type =~ /\A(?:nix::)?Result<(.+)>\z/ or return;
    return map { length $_ ? "Ok($_)" : 'Ok(())' } rust_values($fine);
}

sub c_return {
    my (undef, $head) = @_;
    my ($type) = $head =~ /\A(?:static )?([\w ]+\*?)\n/;
    return ' return;' if $type eq 'void';
    return (' return TRUE;', ' return FALSE;') if $type eq 'bool';
    return $type =~ /\*\z/ ? ' return NULL;' : ' return 0;';
}

# ---- masks, as long as the text

sub mask_rust {
    my ($text) = @_;
    $text =~ s{ (//[^\n]*|/\*.*?\*/|^\s*\#!?\[[^\n]*\]$|^\s*(?:pub\s+)?use\s[^;]*;) | (c?"(?:\\.|[^"\\])*"|b?'(?:\\[^']+|[^'\\])') }
        { defined $1 ? spaces($1) : letters($2) }gsemx;
    $text =~ s/^(mod tests \{.*)/spaces($1)/sme;
    return $text;
}

sub mask_c {
    my ($text) = @_;
    $text =~ s{ (/\*.*?\*/|^\#(?:[^\n\\]|\\.)*) | ("(?:\\.|[^"\\])*"|'(?:\\[^']+|[^'\\])') }
        { defined $1 ? spaces($1) : letters($2) }gsemx;
    return $text;
}

sub mask_perl {
    my ($text) = @_;
    $text =~ s{ (^1;$|^__END__\n.*|^=\w.*?^=cut$|(?<![^\s])\#[^\n]*) | (qw\([^)]*\)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<==~\s)/(?:\\.|[^/\\\n])*/) }
        { defined $1 ? spaces($1) : letters($2) }gsemx;
    return $text;
}

# Newlines stay.
sub spaces  { my ($text) = @_; $text =~ tr/\n/ /c; return $text }
sub letters { my ($text) = @_; $text =~ tr/\n/X/c; return $text }

1;
