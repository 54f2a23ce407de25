package File::FDpasser;

use 5.016;
use strict;
use warnings;
use warnings::register;

# Scripts use these without asking for them, as 0.09 let them.
use Fcntl;
use IO::Handle;
use IO::Pipe;
use Socket;

use Exporter ();
use XSLoader ();

our $VERSION = '1.00';

our @ISA    = ('Exporter');
our @EXPORT = qw(
    send_file recv_fd recv_fh serv_accept_fd serv_accept_fh cli_conn spipe
    endp_create endp_connect my_getfl get_fopen_mode
);
our @EXPORT_OK = qw(
    write_fd read_fd send_files recv_fhs recv_fds send_err ask_sender peer_cred
    transport
);
our %EXPORT_TAGS = (all => [@EXPORT, @EXPORT_OK]);

# The family whose way of passing descriptors is in use: 'bsd', sockets.
our %ostype = (
    (map { $_ => 'bsd' } qw(
        linux bsdos netbsd openbsd freebsd dragonfly darwin dec_osf irix hpux aix
    )),
    solaris => 'svr',
);
our $OS = 'bsd';

# Called with the text that a peer sends before a descriptor or an error; where
# it is not set, the text goes to STDERR.
our $on_text;

# The most bytes of such text that one call takes.
our $max_text = 16 * 1024 * 1024;

XSLoader::load(__PACKAGE__, $VERSION);

# Called by the native layer; here because only Perl code sees whether its
# caller wants warnings.
sub _warn_of_surplus {
    my ($count) = @_;

    warnings::warnif(__PACKAGE__,
        "$count more descriptor" . ($count == 1 ? '' : 's')
        . ' than asked for came with the message and '
        . ($count == 1 ? 'was' : 'were') . ' closed');
    return;
}

1;

__END__
