/* What is in the buffers of handles: output goes out, so that the receiver sees
 * bytes in order, and nobody waits for an answer to what is still here; input
 * stays, and the caller is told.  Layers may be Perl code. */
#include "perl_side.h"

static bool
fdp_is_known(const PerlIO_funcs *tab)
{
    return tab == &PerlIO_perlio || tab == &PerlIO_unix;
}

/* Perl's own layers tell what is pending.  Of another that only writes it is
 * not known, so it is flushed; of one that reads, only what is to be written:
 * what it has read ahead stays, as a flush of that would move the descriptor's
 * offset.  In :stdio where it stands tells; what stands nowhere, as a socket, has
 * no offset to move. */
static bool
fdp_has_pending_output(pTHX_ PerlIO *fp, PerlIO *layer)
{
    const PerlIO_funcs *tab = PerlIOBase(layer)->tab;
    const U32 flags = PerlIOBase(layer)->flags;

    if (flags & PERLIO_F_WRBUF)
        return TRUE;
    if (tab == &PerlIO_stdio && (flags & PERLIO_F_CANREAD)) {
        const int64_t offset = fdp_offset(PerlIO_fileno(fp));

        return offset < 0 || (int64_t)PerlIO_tell(fp) > offset;
    }
    return !(flags & PERLIO_F_CANREAD) && !fdp_is_known(tab);
}

static bool
fdp_is_pending(pTHX_ PerlIO *fp)
{
    PerlIO *layer;

    for (layer = fp; PerlIOValid(layer); layer = PerlIONext(layer))
        if (fdp_has_pending_output(aTHX_ fp, layer))
            return TRUE;
    return FALSE;
}

/* What perl begins to write and cannot, it drops; and a signal would not end
 * its wait.  So there is room before it begins.  0, or an errno. */
static int
fdp_flush(pTHX_ fdp_reader *reader, PerlIO *fp)
{
    const int error = fdp_await_room(reader->call, PerlIO_fileno(fp));

    if (error)
        return error;
    errno = 0;
    return PerlIO_flush(fp) == 0 ? 0 : errno ? errno : EIO;
}

/* Before a receive, whose business its failure is not; nor is SIGPIPE. */
static int
fdp_flush_for_answer(pTHX_ fdp_reader *reader, PerlIO *fp)
{
    int error;

    fdp_hold_sigpipe(reader->call);
    error = fdp_flush(aTHX_ reader, fp);
    fdp_release_sigpipe(reader->call);
    return error == EINTR ? error : 0;
}

/* How many bytes have been read that nobody has taken. */
static size_t
fdp_read_ahead(PerlIO *layer)
{
    size_t count = 0;

    for (; PerlIOValid(layer); layer = PerlIONext(layer)) {
        const PerlIOBuf *buffer = PerlIOSelf(layer, PerlIOBuf);

        if ((PerlIOBase(layer)->flags & PERLIO_F_RDBUF)
            && PerlIOBase(layer)->tab->size >= sizeof(PerlIOBuf) && buffer->end > buffer->ptr)
            count += buffer->end - buffer->ptr;
    }
    return count;
}

/* It is left behind where a socket is sent, or where it is received from. */
static void
fdp_tell_of_input(pTHX_ fdp_reader *reader, char kind, PerlIO *fp)
{
    const char *name = FDP_SHORT_NAME(reader->call->sub);
    const size_t ahead = fdp_read_ahead(fp);
    const bool one = ahead == 1;

    if (!ahead || kind == FDP_CONNECTION)
        return;
    if (kind == FDP_RECEIVER)
        fdp_warn(aTHX_ reader,
                 "%s: %" UVuf " byte%s that came over the connection %s in its read buffer, which"
                 " is left alone; read from it by sysread only",
                 name, (UV)ahead, one ? "" : "s", one ? "is" : "are");
    else if (fdp_buffers(PerlIO_fileno(fp)) == FDP_SOCKET)
        fdp_warn(aTHX_ reader,
                 "%s: %" UVuf " byte%s that came over the socket that is sent %s in its read"
                 " buffer; the receiver does not get %s",
                 name, (UV)ahead, one ? "" : "s", one ? "stays" : "stay", one ? "it" : "them");
}

/* 0, or the errno with which the call is over. */
static int
fdp_settle(pTHX_ fdp_reader *reader, char kind, IO *io)
{
    PerlIO *out = IoOFP(io);
    int error = 0;

    if (kind == FDP_PLAIN)
        return 0;
    ENTER;
    SAVEFREESV(SvREFCNT_inc_simple_NN((SV *)io));
    if (out && fdp_is_pending(aTHX_ out))
        error = kind == FDP_RECEIVER ? fdp_flush_for_answer(aTHX_ reader, out)
                                     : fdp_flush(aTHX_ reader, out);
    if (!error)
        fdp_tell_of_input(aTHX_ reader, kind, IoIFP(io));
    LEAVE;
    return error;
}

void
fdp_settle_buffers(pTHX_ fdp_reader *reader)
{
    const char *kind = reader->call->sub->arguments;
    int error = 0;
    I32 i;

    fdp_pin(aTHX_ reader);
    fdp_guard(aTHX_ reader);
    for (i = 0; i < reader->items && *kind && !error; i++) {
        IO *io = fdp_is_handle(*kind) ? fdp_io(FDP_ARG(reader, i)) : NULL;

        if (io)
            error = fdp_settle(aTHX_ reader, *kind, io);
        if (*kind != FDP_HANDLES)
            kind++;
    }
    reader->call->flush_error = error;
}
