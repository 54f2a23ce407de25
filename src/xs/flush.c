/* Flushing what is sent, and what it is sent over, so that the receiver sees
 * bytes in order.  Layers may be Perl code. */
#include "perl_side.h"

/* Writes out what the handle has pending.  What it has read ahead stays: a
 * flush of that would move the descriptor's offset. */
static bool
fdp_flush(pTHX_ SV *sv)
{
    IO *io = fdp_io(sv);
    PerlIO *fp = io ? IoOFP(io) : NULL;
    PerlIO *layer;

    for (layer = fp; PerlIOValid(layer); layer = PerlIONext(layer))
        if (PerlIOBase(layer)->flags & PERLIO_F_WRBUF)
            return PerlIO_flush(fp) == 0;
    return TRUE;
}

void
fdp_flush_arguments(pTHX_ fdp_reader *reader)
{
    const char *kind = reader->call->sub->arguments;
    I32 i;

    for (i = 0; i < reader->items && *kind; i++) {
        if (strchr("chn@", *kind) && !fdp_flush(aTHX_ FDP_ARG(reader, i))) {
            reader->call->flush_error = errno ? errno : EIO;
            return;
        }
        if (*kind != FDP_HANDLES)
            kind++;
    }
}
