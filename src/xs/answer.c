/* What Rust has answered, as scalars: numbers, strings, handles, exceptions. */
#include "perl_side.h"

/* Opened with the default layers, whatever -C and `use open` say. */
static PerlIO *
fdp_open(pTHX_ const char *mode, int fd)
{
    const char *layers = PL_curcop && CopHINTHASH_get(PL_curcop) ? ":" : NULL;

    return PerlIO_openn(aTHX_ layers, mode, fd, 0, 0, NULL, 0, NULL);
}

/* The same for writing, beside that for reading.  A copy of Perl's own layers shares
 * the descriptor and what is known of it: a system call less. */
static PerlIO *
fdp_open_beside(pTHX_ PerlIO *in, int fd)
{
    const PerlIO *below = PerlIONext(in);

    if (PerlIOBase(in)->tab == &PerlIO_perlio && PerlIOValid(below)
        && PerlIOBase(below)->tab == &PerlIO_unix)
        return PerlIO_fdupopen(aTHX_ in, NULL, 0);
    return fdp_open(aTHX_ "w", fd);
}

/* Gives the descriptor to the IO; from then on closing is the IO's business. */
static bool
fdp_attach(pTHX_ IO *io, fdp_received *received)
{
    static const char *const modes[] = { "r", "w", "a", "r+", "a+" };
    static const char types[] = { IoTYPE_RDONLY, IoTYPE_WRONLY, IoTYPE_APPEND, IoTYPE_RDWR, IoTYPE_APPEND };
    const int fd = received->number;
    uint8_t buffers = received->buffers;
    bool two;

    errno = 0;
    IoIFP(io) = fdp_open(aTHX_ modes[received->mode], fd);
    if (!IoIFP(io))
        return FALSE;
    received->number = -1;
    /* PerlIO has asked whether it is a terminal, and then where it stands: if
     * only the first failed, it can seek. */
    if (buffers == FDP_ASK_BUFFERS)
        buffers = errno == ENOTTY ? FDP_ONE_BUFFER : fdp_buffers(fd);
    two = buffers != FDP_ONE_BUFFER;
    IoTYPE(io) = buffers == FDP_SOCKET ? IoTYPE_SOCKET : types[received->mode];
    if (two)
        IoOFP(io) = fdp_open_beside(aTHX_ IoIFP(io), fd);
    else if (received->mode != FDP_READ)
        IoOFP(io) = IoIFP(io);
    return !two || IoOFP(io);
}

static const MGVTBL fdp_class;

/* The class of an XSUB's handles hangs on it, where threads get their own: to
 * look it up each time is dear, as each new IO empties the cache for that. */
void
fdp_add_class(pTHX_ CV *cv, uint8_t as)
{
    HV *stash;

    if (as == FDP_AS_NUMBER)
        return;
    stash = gv_stashpv(as == FDP_AS_HANDLE ? "IO::Handle" : "IO::File", GV_ADD);
    sv_magicext((SV *)cv, (SV *)stash, PERL_MAGIC_ext, &fdp_class, NULL, 0);
}

static HV *
fdp_class_of_handles(CV *cv)
{
    return (HV *)mg_findext((SV *)cv, PERL_MAGIC_ext, &fdp_class)->mg_obj;
}

/* A glob of its own, as open makes them: not every program takes a bare IO. */
static SV *
fdp_new_handle(pTHX_ CV *cv, fdp_received *received, bool autoflush)
{
    GV *gv = (GV *)newSV(0);
    SV *handle;
    IO *io;

    gv_init(gv, GvSTASH(CvGV(cv)), "__ANONIO__", 10, 0);
    handle = sv_2mortal(newRV_noinc((SV *)gv));
    sv_bless(handle, fdp_class_of_handles(cv));
    io = GvIOn(gv);
    if (autoflush)
        IoFLAGS(io) |= IOf_FLUSH;
    return fdp_attach(aTHX_ io, received) ? handle : NULL;
}

/* A mortal that owns the descriptor, or NULL with errno. */
SV *
fdp_scalar_of(pTHX_ CV *cv, fdp_received *received, uint8_t as)
{
    SV *number;

    if (as != FDP_AS_NUMBER)
        return fdp_new_handle(aTHX_ cv, received, as == FDP_AS_LISTENER);
    number = sv_2mortal(newSViv(received->number));
    received->number = -1;
    return number;
}

static SV *
fdp_new_integer(pTHX_ int64_t value)
{
    if (value == FDP_UNKNOWN)
        return newSV(0);
    return value >= IV_MIN && value <= IV_MAX ? newSViv((IV)value) : newSVnv((NV)value);
}

static SV *
fdp_new_sender(pTHX_ const fdp_ids *ids)
{
    HV *hv = newHV();

    (void)hv_stores(hv, "pid", fdp_new_integer(aTHX_ ids->pid));
    (void)hv_stores(hv, "uid", fdp_new_integer(aTHX_ ids->uid));
    (void)hv_stores(hv, "gid", fdp_new_integer(aTHX_ ids->gid));
    (void)hv_stores(hv, "from", ids->of_message ? newSVpvs("message") : newSVpvs("connection"));
    return newRV_noinc((SV *)hv);
}

static void
fdp_store(pTHX_ SV *variable, uint8_t what, const fdp_ids *ids)
{
    SV *value = what == FDP_STORE_UID ? fdp_new_integer(aTHX_ ids->uid)
                                      : fdp_new_sender(aTHX_ ids);

    sv_setsv_mg(variable, sv_2mortal(value));
}

#ifndef OPpPADRANGE_COUNTMASK /* before 5.18 */
#  define OP_PADRANGE OP_PUSHMARK
#endif
#ifndef OpSIBLING
#  define OpSIBLING(op) ((op)->op_sibling)
#endif

/* The list behind that mark, which perl assigns to: is it of two scalar
 * variables or more, and nothing else?  Of `my` variables that follow each
 * other perl has made one operation, and left them beside it. */
static bool
fdp_are_scalars(const OP *mark)
{
    const bool range = mark->op_type != OP_PUSHMARK;
    const OP *op = range ? OpSIBLING(mark) : mark->op_next;
    I32 count = 0;

    for (; op && (op->op_type == OP_PADSV || op->op_type == OP_GVSV); count++)
        op = range ? OpSIBLING(op) : op->op_next;
    if (range)
        op = op ? NULL : mark->op_next;
    return count > 1 && op && op->op_type == OP_AASSIGN;
}

/* Is the call, which was given no variable to store into, all that is assigned
 * to such a list, `my ($conn, $uid) = ...`?  What is assigned begins where the
 * arguments did, then. */
static bool
fdp_is_assigned_to_many(pTHX_ const fdp_reader *reader)
{
    const fdp_sub *sub = reader->call->sub;
    const OP *next = PL_op ? PL_op->op_next : NULL;

    if (!next || (next->op_type != OP_PUSHMARK && next->op_type != OP_PADRANGE))
        return FALSE;
    return !sub->is_list && TOPMARK == reader->ax - 1 && fdp_are_scalars(next);
}

/* Is there what may still run Perl code? */
static bool
fdp_has_news(pTHX_ const fdp_reader *reader)
{
    const fdp_answer *answer = &reader->call->answer;

    if (answer->error || answer->surplus || reader->wrong)
        return TRUE;
    if (!reader->call->sub->stores)
        return FALSE;
    return reader->store < 0 ? fdp_is_assigned_to_many(aTHX_ reader) : answer->ids.are_given;
}

/* Each is given the function's name, and what its first argument should be. */
static const char *const fdp_mistakes[] = {
    "",
    "%s: this is a listening endpoint; serv_accept_fh takes its clients",
    "%s: this is no listening endpoint, as endp_create makes them",
    "%s: argument 1, the %s, is no socket",
    "%s: this is no Unix-domain socket, and no other carries descriptors",
};

static void
fdp_tell_of_surplus(pTHX_ fdp_reader *reader, size_t surplus)
{
    fdp_warn(aTHX_ reader,
             "at least %" UVuf " more descriptor%s than asked for came with the message"
             " and %s closed",
             (UV)surplus, surplus == 1 ? "" : "s", surplus == 1 ? "was" : "were");
}

static void
fdp_tell_of_mistakes(pTHX_ fdp_reader *reader, const char *name)
{
    const uint8_t stores = reader->call->sub->stores;
    const uint8_t mistake = reader->call->answer.mistake;

    if (reader->wrong)
        fdp_warn(aTHX_ reader, "%s: argument %d %s", name, (int)reader->wrong_at + 1,
                 reader->wrong);
    if (mistake)
        fdp_warn(aTHX_ reader, fdp_mistakes[mistake], name,
                 stores == FDP_STORE_UID ? "listener" : "connection");
    if (stores && reader->store < 0 && fdp_is_assigned_to_many(aTHX_ reader))
        fdp_warn(aTHX_ reader, "%s returns one value; %s into its second argument", name,
                 stores == FDP_STORE_UID ? "the client's uid goes" : "who has sent goes");
}

static void
fdp_tell_news(pTHX_ fdp_reader *reader)
{
    const fdp_sub *sub = reader->call->sub;
    const fdp_answer *answer = &reader->call->answer;
    const char *name = FDP_SHORT_NAME(sub);

    fdp_guard(aTHX_ reader);
    if (answer->error) {
        PERL_ASYNC_CHECK();
    }
    if (answer->surplus)
        fdp_tell_of_surplus(aTHX_ reader, answer->surplus);
    /* Queues and channels tell of mistakes themselves. */
    if (*name != '_')
        fdp_tell_of_mistakes(aTHX_ reader, name);
    if (answer->ids.are_given && reader->store >= 0)
        fdp_store(aTHX_ FDP_ARG(reader, reader->store), sub->stores, &answer->ids);
}

/* What may die: the call owns the descriptors yet. */
void
fdp_tell(pTHX_ fdp_reader *reader)
{
    if (fdp_has_news(aTHX_ reader))
        fdp_tell_news(aTHX_ reader);
}

/* A string; what came from a peer is tainted, as what sysread reads. */
static SV *
fdp_new_string(pTHX_ const fdp_answer *answer)
{
    SV *sv = newSVpvn_flags((const char *)answer->bytes, answer->length, SVs_TEMP);

    if (answer->owns_bytes)
        SvTAINTED_on(sv);
    return sv;
}

/* Is the answer one number?  A descriptor that goes as its number is Perl's then. */
static bool
fdp_one_number(fdp_answer *answer, uint8_t as, IV *number)
{
    if (answer->has_bytes || answer->numbers + answer->received != 1)
        return FALSE;
    if (answer->numbers) {
        *number = (IV)answer->number[0];
        return *number == answer->number[0] && answer->number[0] != FDP_UNKNOWN;
    }
    if (as != FDP_AS_NUMBER || answer->many)
        return FALSE;
    *number = answer->only.number;
    answer->only.number = -1;
    return TRUE;
}

/* Where there is no list to take more, of bytes and descriptors the bytes, of
 * descriptors the last: the call closes the others. */
static size_t
fdp_first_returned(pTHX_ const fdp_answer *answer)
{
    if (GIMME_V == G_ARRAY || !answer->received)
        return 0;
    return answer->has_bytes ? answer->received : answer->received - 1;
}

/* undef, and the errno, where memory is short, say: the descriptor is closed
 * with the call. */
static SV *
fdp_scalar_or_undef(pTHX_ CV *cv, fdp_answer *answer, size_t i, uint8_t as)
{
    SV *sv = fdp_scalar_of(aTHX_ cv, answer->many ? &answer->many[i] : &answer->only, as);

    if (sv)
        return sv;
    answer->error = errno ? errno : ENOMEM;
    return &PL_sv_undef;
}

/* A list of numbers; in scalar context how many. */
static I32
fdp_return_list(pTHX_ fdp_reader *reader)
{
    const fdp_answer *answer = &reader->call->answer;
    const size_t count = GIMME_V == G_ARRAY ? answer->list_length : 1;
    SV **sp = PL_stack_base + reader->ax - 1;
    size_t i;

    EXTEND(sp, (SSize_t)count + 1);
    fdp_guard(aTHX_ reader);
    if (GIMME_V != G_ARRAY)
        *++sp = sv_2mortal(newSVuv(answer->list_length));
    else
        for (i = 0; i < count; i++)
            *++sp = sv_2mortal(newSVuv(answer->list[i]));
    return (I32)count;
}

/* Puts the answer's scalars where the arguments were; how many. */
I32
fdp_return(pTHX_ CV *cv, fdp_reader *reader)
{
    fdp_answer *answer = &reader->call->answer;
    const uint8_t as = reader->call->sub->as;
    size_t i = fdp_first_returned(aTHX_ answer);
    const I32 count = (I32)(answer->has_bytes + answer->numbers + (answer->received - i));
    SV **sp = PL_stack_base + reader->ax - 1;
    size_t number;
    IV only;

    if (answer->is_list)
        return fdp_return_list(aTHX_ reader);
    if (reader->listed) {
        PL_stack_base[reader->ax] = sv_2mortal(newSViv((IV)answer->number[0]));
        return 1;
    }
    EXTEND(sp, count + 1);
    if (fdp_one_number(answer, as, &only)) {
        dXSTARG;
        PUSHi(only);
        return 1;
    }
    fdp_guard(aTHX_ reader);
    if (answer->has_bytes)
        *++sp = fdp_new_string(aTHX_ answer);
    for (number = 0; number < answer->numbers; number++)
        *++sp = sv_2mortal(fdp_new_integer(aTHX_ answer->number[number]));
    for (; i < answer->received; i++)
        *++sp = fdp_scalar_or_undef(aTHX_ cv, answer, i, as);
    return count;
}
