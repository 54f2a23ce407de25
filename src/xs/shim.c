/*
 * Perl's macros as functions, and the one trampoline that every XSUB enters
 * through.  shim.h is the contract.  No policy and no system calls here: what
 * a call does is Rust's business, what Perl code may run is C's.
 *
 * Perl code runs in here (magic, overloading, callbacks, warnings, signal
 * handlers) and may leave by die or exit at any such place.  No Rust frame is
 * on the stack then, and what the call owns hangs on the savestack.
 */
#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"
#include "perliol.h"
#include "shim.h"

#ifdef MULTIPLICITY
#  define FDP_INTERPRETER(p) tTHX my_perl = (tTHX)(p)
#else
#  define FDP_INTERPRETER(p) PERL_UNUSED_VAR(p)
#endif

/* What reading the arguments has to remember. */
typedef struct {
    fdp_call *call;
    I32       ax;
    I32       items;
    I32       store; /* index of the FDP_STORE argument, or -1 */
    bool      pinned;
} fdp_reader;

#define FDP_ARG(reader, i) (PL_stack_base[(reader)->ax + (i)])

static const char *
fdp_short_name(const fdp_sub *sub)
{
    return strrchr(sub->name, ':') + 1;
}

/* ------------------------------------------------------------------ */
/* Calls into Perl.  Each on a context stack of its own, so that last, */
/* next and goto find nothing to leave to and die instead.             */

static SV *
fdp_call_method(pTHX_ SV *object, const char *method)
{
    dSP;
    SV *result;

    PUSHSTACKi(PERLSI_MAGIC);
    PUSHMARK(SP);
    XPUSHs(object);
    PUTBACK;
    call_method(method, G_SCALAR);
    SPAGAIN;
    result = POPs;
    PUTBACK;
    POPSTACK;
    return sv_mortalcopy(result);
}

/* PRINT of a tied STDERR, whose failure is nobody's. */
static void
fdp_print_tied(pTHX_ SV *tied, SV *text)
{
    dSP;

    ENTER;
    save_scalar(PL_errgv);
    PUSHSTACKi(PERLSI_MAGIC);
    PUSHMARK(SP);
    EXTEND(SP, 2);
    PUSHs(tied);
    PUSHs(text);
    PUTBACK;
    call_method("PRINT", G_VOID | G_DISCARD | G_EVAL);
    POPSTACK;
    LEAVE;
}

static void
fdp_call_sub(pTHX_ SV *code, SV *argument)
{
    dSP;

    PUSHSTACKi(PERLSI_MAGIC);
    PUSHMARK(SP);
    XPUSHs(argument);
    PUTBACK;
    call_sv(code, G_VOID | G_DISCARD);
    POPSTACK;
}

/* ------------------------------------------------------------------ */
/* Arguments                                                           */

/* Keeps the arguments alive while Perl code runs that could free them. */
static void
fdp_pin(pTHX_ fdp_reader *reader)
{
    I32 i;

    if (reader->pinned)
        return;
    reader->pinned = TRUE;
    for (i = 0; i < reader->items; i++)
        sv_2mortal(SvREFCNT_inc_simple_NN(FDP_ARG(reader, i)));
}

static SV *
fdp_get(pTHX_ fdp_reader *reader, I32 i)
{
    SV *sv = FDP_ARG(reader, i);

    if (SvGMAGICAL(sv)) {
        fdp_pin(aTHX_ reader);
        mg_get(sv);
    }
    return sv;
}

/* The IO of an IO object, a glob, or a reference to either; else NULL. */
static IO *
fdp_io(SV *sv)
{
    if (SvROK(sv))
        sv = SvRV(sv);
    if (SvTYPE(sv) == SVt_PVIO)
        return (IO *)sv;
    return isGV_with_GP(sv) ? GvIO((GV *)sv) : NULL;
}

static SV *
fdp_tied(pTHX_ IO *io)
{
    MAGIC *mg = SvRMAGICAL((SV *)io) ? mg_find((SV *)io, PERL_MAGIC_tiedscalar) : NULL;

    return mg ? SvTIED_obj((SV *)io, mg) : NULL;
}

/* Has the object's class a fileno method other than IO::Handle's? */
static bool
fdp_has_own_fileno(pTHX_ SV *sv)
{
    HV *stash = SvROK(sv) && SvOBJECT(SvRV(sv)) ? SvSTASH(SvRV(sv)) : NULL;
    GV *gv;
    HV *home;

    if (!stash || strEQ(HvNAME_get(stash), "IO::File"))
        return FALSE;
    gv = gv_fetchmeth(stash, "fileno", 6, 0);
    if (!gv || !GvCV(gv))
        return FALSE;
    home = CvSTASH(GvCV(gv));
    return !home || strNE(HvNAME_get(home), "IO::Handle");
}

/* A non-negative integer, or a string of digits. */
static bool
fdp_natural(pTHX_ SV *sv, int64_t *number)
{
    UV value = 0;

    if (SvPOKp(sv)) {
        STRLEN length;
        const char *s = SvPV_nomg_const(sv, length);
        const char *end = s + length;

        for (; s < end && isDIGIT(*s); s++)
            value = value > UV_MAX / 10 - 1 ? UV_MAX / 10 : value * 10 + (*s - '0');
        if (s < end || length == 0)
            return FALSE;
    }
    else if (SvIOK(sv)) {
        if (!SvIsUV(sv) && SvIVX(sv) < 0)
            return FALSE;
        value = SvUVX(sv);
    }
    else if (SvNOKp(sv)) {
        const NV nv = SvNVX(sv);

        if (!(nv >= 0) || nv - nv != 0 || nv != Perl_floor(nv))
            return FALSE;
        value = nv > (NV)I32_MAX ? (UV)I32_MAX + 1 : (UV)nv;
    }
    else {
        return FALSE;
    }
    *number = value > (UV)I32_MAX ? (int64_t)I32_MAX + 1 : (int64_t)value;
    return TRUE;
}

static bool
fdp_descriptor_of_io(pTHX_ IO *io, int64_t *number)
{
    PerlIO *fp = IoIFP(io) ? IoIFP(io) : IoOFP(io);
    int fd = -1;

    if (fp)
        fd = PerlIO_fileno(fp);
#ifdef HAS_DIRFD
    else if (IoDIRP(io) && !(IoFLAGS(io) & IOf_FAKE_DIRP))
        fd = dirfd(IoDIRP(io));
#endif
    *number = fd;
    return fd >= 0;
}

/* The descriptor of what SPEC calls a connection or a handle. */
static bool
fdp_descriptor(pTHX_ fdp_reader *reader, I32 i, int64_t *number)
{
    SV *sv = fdp_get(aTHX_ reader, i);
    IO *io;
    SV *tied;

    if (fdp_has_own_fileno(aTHX_ sv)) {
        fdp_pin(aTHX_ reader);
        sv = fdp_call_method(aTHX_ sv, "fileno");
        return fdp_natural(aTHX_ sv, number);
    }
    if (SvROK(sv) && SvAMAGIC(sv)) {
        fdp_pin(aTHX_ reader);
        sv = amagic_deref_call(sv, to_gv_amg);
    }
    io = fdp_io(sv);
    if (!io)
        return !SvROK(sv) && !isGV_with_GP(sv) && fdp_natural(aTHX_ sv, number);
    tied = fdp_tied(aTHX_ io);
    if (tied) {
        fdp_pin(aTHX_ reader);
        sv = fdp_call_method(aTHX_ tied, "FILENO");
        return fdp_natural(aTHX_ sv, number);
    }
    return fdp_descriptor_of_io(aTHX_ io, number);
}

static bool
fdp_integer(pTHX_ SV *sv, int64_t *number)
{
    NV nv;

    if (SvROK(sv) || !(SvNIOKp(sv) || looks_like_number(sv)))
        return FALSE;
    nv = SvNV_nomg(sv);
    if (!(nv >= -9e15 && nv <= 9e15) || nv != Perl_floor(nv))
        return FALSE;
    *number = (int64_t)nv;
    return TRUE;
}

static void
fdp_read_path(pTHX_ fdp_reader *reader, SV *sv, fdp_argument *argument)
{
    STRLEN length = 0;
    const char *path = SvOK(sv) ? SvPV_nomg_const(sv, length) : "";

    if (SvTAINTED(sv)) {
        TAINT;
        taint_proper(NULL, fdp_short_name(reader->call->sub));
    }
    sv = newSVpvn_flags(path, length, SVs_TEMP);
    argument->bytes = (const uint8_t *)SvPVX_const(sv);
    argument->length = length;
}

/* The string itself; a copy where reading it again could run Perl code or
 * where it has to be downgraded. */
static void
fdp_read_bytes(pTHX_ fdp_reader *reader, SV *sv, fdp_argument *argument)
{
    STRLEN length;

    if (!SvPOK(sv) || SvUTF8(sv) || SvGMAGICAL(sv) || SvROK(sv)) {
        const char *s = SvPV_nomg_const(sv, length);

        sv = newSVpvn_flags(s, length, SVs_TEMP | (SvUTF8(sv) ? SVf_UTF8 : 0));
        if (SvUTF8(sv) && !sv_utf8_downgrade(sv, TRUE))
            croak("Wide character in %s", fdp_short_name(reader->call->sub));
    }
    argument->bytes = (const uint8_t *)SvPV_nomg_const(sv, length);
    argument->length = length;
}

/* Reads argument i as what `kind` asks for; FDP_GOOD, FDP_BAD or FDP_ABSENT. */
static uint8_t
fdp_read_one(pTHX_ fdp_reader *reader, char kind, I32 i, fdp_argument *argument)
{
    SV *sv;

    switch (kind) {
    case FDP_CONNECTION:
    case FDP_HANDLE:
    case FDP_PLAIN:
        return fdp_descriptor(aTHX_ reader, i, &argument->number) ? FDP_GOOD : FDP_BAD;
    case FDP_STATUS:
        sv = fdp_get(aTHX_ reader, i);
        return fdp_integer(aTHX_ sv, &argument->number)
                || fdp_descriptor(aTHX_ reader, i, &argument->number) ? FDP_GOOD : FDP_BAD;
    case FDP_INTEGER:
        sv = fdp_get(aTHX_ reader, i);
        if (!SvOK(sv))
            return FDP_ABSENT;
        return fdp_integer(aTHX_ sv, &argument->number) ? FDP_GOOD : FDP_BAD;
    case FDP_PATH:
        fdp_read_path(aTHX_ reader, fdp_get(aTHX_ reader, i), argument);
        return FDP_GOOD;
    case FDP_BYTES:
        sv = fdp_get(aTHX_ reader, i);
        if (SvOK(sv))
            fdp_read_bytes(aTHX_ reader, sv, argument);
        return SvOK(sv) ? FDP_GOOD : FDP_ABSENT;
    default: /* FDP_STORE */
        if (SvREADONLY(FDP_ARG(reader, i)))
            return FDP_ABSENT;
        reader->store = i;
        return FDP_GOOD;
    }
}

/* Index of the first that is bad, or -1. */
static I32
fdp_read_handles(pTHX_ fdp_reader *reader, I32 from)
{
    const I32 count = reader->items - from;
    int32_t *handles;
    int64_t number;
    I32 i;

    if (count <= 0)
        return -1;
    Newx(handles, count, int32_t);
    SAVEFREEPV(handles);
    for (i = 0; i < count; i++) {
        if (!fdp_descriptor(aTHX_ reader, from + i, &number))
            return from + i;
        handles[i] = number > I32_MAX ? I32_MAX : (int32_t)number;
    }
    reader->call->handles = handles;
    reader->call->handles_length = count;
    return -1;
}

static void
fdp_read_options(pTHX_ fdp_reader *reader, I32 from)
{
    const I32 count = reader->items > from ? (reader->items - from) / 2 : 0;
    fdp_option *options;
    STRLEN length;
    I32 i;

    reader->call->odd_options = reader->items > from && (reader->items - from) % 2;
    if (!count)
        return;
    Newxz(options, count, fdp_option);
    SAVEFREEPV(options);
    for (i = 0; i < count; i++) {
        SV *name = sv_mortalcopy(FDP_ARG(reader, from + 2 * i));
        SV *value = fdp_get(aTHX_ reader, from + 2 * i + 1);

        options[i].name = (const uint8_t *)SvPV_const(name, length);
        options[i].name_length = length;
        options[i].defined = SvOK(value) ? 1 : 0;
        options[i].number = looks_like_number(value) ? SvNV_nomg(value) : NV_NAN;
        options[i].truth = SvTRUE_nomg(value) ? 1 : 0;
    }
    reader->call->options = options;
    reader->call->options_length = count;
}

static void
fdp_die_of(pTHX_ fdp_reader *reader, I32 bad)
{
    const fdp_sub *sub = reader->call->sub;
    SV *shown[2];
    I32 i;

    if (sub->if_bad == FDP_DIE)
        croak("Invalid args to %s: argument %d is not %s", fdp_short_name(sub), (int)bad + 1,
              bad < (I32)strlen(sub->arguments) && sub->arguments[bad] == FDP_INTEGER
                  ? "an integer" : "an open handle or a descriptor number");
    for (i = 0; i < 2; i++)
        shown[i] = i < reader->items && SvOK(FDP_ARG(reader, i)) ? FDP_ARG(reader, i) : &PL_sv_no;
    croak("Invalid args to %s: %" SVf ", %" SVf "\n", fdp_short_name(sub),
          SVfARG(shown[0]), SVfARG(shown[1]));
}

static void
fdp_read_arguments(pTHX_ fdp_reader *reader)
{
    fdp_call *call = reader->call;
    const char *kinds = call->sub->arguments;
    I32 bad = -1;
    I32 i;

    for (i = 0; kinds[i] && kinds[i] != FDP_HANDLES && kinds[i] != FDP_OPTIONS; i++) {
        fdp_argument *argument = &call->argument[i];

        if (i < reader->items)
            argument->state = fdp_read_one(aTHX_ reader, kinds[i], i, argument);
        else if (strchr("chdn", kinds[i]))
            argument->state = FDP_BAD;
        if (argument->state == FDP_BAD && bad < 0)
            bad = i;
    }
    if (kinds[i] == FDP_HANDLES && bad < 0)
        bad = fdp_read_handles(aTHX_ reader, i);
    else if (kinds[i] == FDP_OPTIONS)
        fdp_read_options(aTHX_ reader, i);
    if (bad >= 0 && call->sub->if_bad != FDP_REFUSE)
        fdp_die_of(aTHX_ reader, bad);
}

/* ------------------------------------------------------------------ */
/* Flushing                                                            */

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

static void
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

/* ------------------------------------------------------------------ */
/* Steps                                                               */

static SV *
fdp_text(pTHX_ const fdp_call *call)
{
    return newSVpvn_flags((const char *)call->answer.bytes, call->answer.length, SVs_TEMP);
}

static void
fdp_text_to_stderr(pTHX_ fdp_call *call)
{
    IO *io = PL_stderrgv && isGV_with_GP(PL_stderrgv) ? GvIO(PL_stderrgv) : NULL;
    PerlIO *fp = io ? IoOFP(io) : NULL;
    SV *tied = io ? fdp_tied(aTHX_ io) : NULL;

    if (tied) {
        fdp_print_tied(aTHX_ tied, fdp_text(aTHX_ call));
    }
    else if (fp) {
        fdp_escape_text(call, PerlIO_fileno(fp));
        fdp_hold_sigpipe(call);
        (void)(PerlIO_write(fp, call->answer.bytes, call->answer.length) < 0 || PerlIO_flush(fp));
        fdp_release_sigpipe(call);
    }
}

static void
fdp_hand_on_text(pTHX_ fdp_call *call)
{
    SV *callback = get_sv("File::FDpasser::on_text", 0);

    if (callback)
        SvGETMAGIC(callback);
    if (callback && SvOK(callback))
        fdp_call_sub(aTHX_ callback, fdp_text(aTHX_ call));
    else
        fdp_text_to_stderr(aTHX_ call);
}

static void
fdp_read_limit(pTHX_ fdp_call *call)
{
    SV *limit = get_sv("File::FDpasser::max_text", 0);

    call->max_text = limit ? (uint64_t)SvUV(limit) : 0;
}

/* Dies with what Rust says; with an errno, as `die "text: $!\n"`. */
static void
fdp_die(pTHX_ fdp_call *call)
{
    const fdp_answer *answer = &call->answer;
    SV *text = fdp_text(aTHX_ call);

    if (!answer->error)
        croak("%" SVf, SVfARG(text));
    SETERRNO(answer->error, 0);
    croak("%" SVf ": %" SVf "\n", SVfARG(text), SVfARG(get_sv("!", GV_ADD)));
}

static void
fdp_run(pTHX_ fdp_call *call)
{
    for (;;) {
        switch (fdp_enter(call)) {
        case FDP_WAIT:
            fdp_wait(call);
            break;
        case FDP_LIMIT:
            fdp_read_limit(aTHX_ call);
            break;
        case FDP_TEXT:
            fdp_hand_on_text(aTHX_ call);
            break;
        case FDP_CROAK:
            fdp_die(aTHX_ call);
            break;
        default:
            return;
        }
    }
}

/* ------------------------------------------------------------------ */
/* Answers                                                             */

/* Opened with the default layers, whatever -C and `use open` say. */
static PerlIO *
fdp_open(pTHX_ const char *mode, int fd)
{
    const char *layers = PL_curcop && CopHINTHASH_get(PL_curcop) ? ":" : NULL;

    return PerlIO_openn(aTHX_ layers, mode, fd, 0, 0, NULL, 0, NULL);
}

/* Gives the descriptor to the IO; from then on closing is the IO's business. */
static bool
fdp_attach(pTHX_ IO *io, fdp_received *received)
{
    static const char *const modes[] = { "r", "w", "a", "r+", "a+" };
    static const char types[] = { IoTYPE_RDONLY, IoTYPE_WRONLY, IoTYPE_APPEND, IoTYPE_RDWR, IoTYPE_APPEND };
    const bool two = received->buffers != FDP_ONE_BUFFER && received->mode >= FDP_READ_WRITE;
    const int fd = received->number;

    IoIFP(io) = fdp_open(aTHX_ two ? "r" : modes[received->mode], fd);
    if (!IoIFP(io))
        return FALSE;
    received->number = -1;
    IoTYPE(io) = received->buffers == FDP_SOCKET ? IoTYPE_SOCKET : types[received->mode];
    if (two)
        IoOFP(io) = fdp_open(aTHX_ "w", fd);
    else if (received->mode != FDP_READ)
        IoOFP(io) = IoIFP(io);
    return !two || IoOFP(io);
}

static SV *
fdp_new_handle(pTHX_ CV *cv, fdp_received *received)
{
    GV *gv = (GV *)newSV(0);
    SV *handle;

    gv_init(gv, GvSTASH(CvGV(cv)), "__ANONIO__", 10, 0);
    handle = sv_2mortal(newRV_noinc((SV *)gv));
    sv_bless(handle, gv_stashpvs("IO::Handle", GV_ADD));
    return fdp_attach(aTHX_ GvIOn(gv), received) ? handle : NULL;
}

static SV *
fdp_new_endpoint(pTHX_ fdp_received *received, bool autoflush)
{
    IO *io = newIO();
    SV *handle = sv_2mortal(newRV_noinc((SV *)io));

    if (autoflush)
        IoFLAGS(io) |= IOf_FLUSH;
    return fdp_attach(aTHX_ io, received) ? handle : NULL;
}

/* A mortal that owns the descriptor, or NULL with errno. */
static SV *
fdp_scalar_of(pTHX_ CV *cv, fdp_received *received, uint8_t as)
{
    SV *number;

    switch (as) {
    case FDP_AS_HANDLE:
        return fdp_new_handle(aTHX_ cv, received);
    case FDP_AS_ENDPOINT:
    case FDP_AS_LISTENER:
        return fdp_new_endpoint(aTHX_ received, as == FDP_AS_LISTENER);
    default:
        number = sv_2mortal(newSViv(received->number));
        received->number = -1;
        return number;
    }
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
fdp_store(pTHX_ SV *variable, const fdp_ids *ids)
{
    SV *value = ids->store == FDP_STORE_UID ? fdp_new_integer(aTHX_ ids->uid)
                                            : fdp_new_sender(aTHX_ ids);

    sv_setsv_mg(variable, sv_2mortal(value));
}

/* In Perl, where the caller's `no warnings` is known. */
static void
fdp_warn_of_surplus(pTHX_ size_t surplus)
{
    SV *code = (SV *)get_cv("File::FDpasser::_warn_of_surplus", 0);

    if (code)
        fdp_call_sub(aTHX_ code, sv_2mortal(newSVuv((UV)surplus)));
}

/* What may still run Perl code, and die: the call owns the descriptors yet. */
static void
fdp_tell(pTHX_ const fdp_reader *reader)
{
    const fdp_answer *answer = &reader->call->answer;

    if (answer->error) {
        PERL_ASYNC_CHECK();
    }
    if (answer->surplus)
        fdp_warn_of_surplus(aTHX_ answer->surplus);
    if (answer->ids.store != FDP_STORE_NOTHING && reader->store >= 0)
        fdp_store(aTHX_ FDP_ARG(reader, reader->store), &answer->ids);
}

/* Puts the answer's scalars where the arguments were; how many. */
static I32
fdp_return(pTHX_ CV *cv, fdp_reader *reader)
{
    fdp_answer *answer = &reader->call->answer;
    const I32 count = (I32)(answer->has_bytes + answer->numbers + answer->received_length);
    size_t i;
    SV **sp = PL_stack_base + reader->ax - 1;

    EXTEND(sp, count + 1);
    if (answer->has_bytes)
        *++sp = newSVpvn_flags((const char *)answer->bytes, answer->length, SVs_TEMP);
    for (i = 0; i < answer->numbers; i++)
        *++sp = sv_2mortal(fdp_new_integer(aTHX_ answer->number[i]));
    for (i = 0; i < answer->received_length; i++) {
        SV *sv = fdp_scalar_of(aTHX_ cv, &answer->received[i], answer->as);

        if (!sv) { /* out of memory, say: the rest is closed with the call */
            answer->error = errno ? errno : ENOMEM;
            sv = &PL_sv_undef;
        }
        *++sp = sv;
    }
    return count;
}

/* ------------------------------------------------------------------ */
/* The trampoline                                                      */

static void
fdp_check_count(pTHX_ CV *cv, const fdp_sub *sub, I32 items)
{
    if (sub->usage && items != (I32)strlen(sub->arguments))
        croak_xs_usage(cv, sub->usage);
}

/* On every way out, die and exit included. */
static void
fdp_leave(pTHX_ void *call)
{
    PERL_UNUSED_CONTEXT;
    fdp_abandon((fdp_call *)call);
}

XS_INTERNAL(fdp_trampoline)
{
    dXSARGS;
    const int saved_errno = errno;
    fdp_call call;
    fdp_reader reader;
    I32 returned;

    Zero(&call, 1, fdp_call);
    call.sub = (const fdp_sub *)XSANY.any_ptr;
    call.max_system_fd = PL_maxsysfd;
    call.signal_pending = &PL_sig_pending;
    reader.call = &call;
    reader.ax = ax;
    reader.items = items;
    reader.store = -1;
    reader.pinned = FALSE;
    fdp_check_count(aTHX_ cv, call.sub, items);

    ENTER;
    SAVEDESTRUCTOR_X(fdp_leave, &call);
    fdp_read_arguments(aTHX_ &reader);
    fdp_flush_arguments(aTHX_ &reader);
    fdp_run(aTHX_ &call);
    fdp_tell(aTHX_ &reader);
    returned = fdp_return(aTHX_ cv, &reader);
    LEAVE;
    SETERRNO(call.answer.error ? call.answer.error : saved_errno, 0);
    XSRETURN(returned);
}

static void
fdp_register(pTHX)
{
    const fdp_sub *sub;
    size_t row;
    CV *cv;

    for (row = 0; (sub = fdp_table(row)); row++) {
        cv = newXS_flags(sub->name, fdp_trampoline, __FILE__, sub->prototype, 0);
        CvXSUBANY(cv).any_ptr = (void *)sub;
    }
}

void
fdp_boot(void *interpreter, void *xsub)
{
    FDP_INTERPRETER(interpreter);
    CV *cv = (CV *)xsub;
#if PERL_VERSION < 22
    dXSARGS;

    PERL_UNUSED_VAR(items);
    XS_APIVERSION_BOOTCHECK;
    XS_VERSION_BOOTCHECK;
    fdp_register(aTHX);
    XSRETURN_YES;
#else
    dXSBOOTARGSXSAPIVERCHK;

    PERL_UNUSED_VAR(cv);
    PERL_UNUSED_VAR(items);
    fdp_register(aTHX);
    Perl_xs_boot_epilog(aTHX_ ax);
#endif
}
