/* Flushing what is sent, and what it is sent over, so that the receiver sees
 * bytes in order.  Layers may be Perl code. */
#include "perl_side.h"

/* Perl's own layers tell what is pending.  Of another that only writes it is
 * not known (:stdio), so it is flushed; of one that reads, only what is to be
 * written: what it has read ahead stays, as a flush of that would move the
 * descriptor's offset. */
static bool
fdp_has_pending_output(PerlIO *layer)
{
    const PerlIO_funcs *tab = PerlIOBase(layer)->tab;
    const U32 flags = PerlIOBase(layer)->flags;

    if (flags & PERLIO_F_WRBUF)
        return TRUE;
    return !(flags & PERLIO_F_CANREAD) && tab != &PerlIO_perlio && tab != &PerlIO_unix;
}

static bool
fdp_flush(pTHX_ fdp_reader *reader, SV *sv)
{
    IO *io = fdp_io(sv);
    PerlIO *fp = io ? IoOFP(io) : NULL;
    PerlIO *layer;

    for (layer = fp; PerlIOValid(layer); layer = PerlIONext(layer))
        if (fdp_has_pending_output(layer)) {
            fdp_pin(aTHX_ reader);
            return PerlIO_flush(fp) == 0;
        }
    return TRUE;
}

/* Handles of these kinds are. */
static bool
fdp_is_flushed(char kind)
{
    return kind == FDP_CONNECTION || kind == FDP_HANDLE || kind == FDP_STATUS || kind == FDP_HANDLES;
}

void
fdp_flush_arguments(pTHX_ fdp_reader *reader)
{
    const char *kind = reader->call->sub->arguments;
    I32 i;

    for (i = 0; i < reader->items && *kind; i++) {
        if (fdp_is_flushed(*kind) && !fdp_flush(aTHX_ reader, FDP_ARG(reader, i))) {
            reader->call->flush_error = errno ? errno : EIO;
            return;
        }
        if (*kind != FDP_HANDLES)
            kind++;
    }
}
