/* The descriptor of whatever the manual calls a connection or a handle.
 *
 * Where a function returns a text, that says why something is none, as the
 * manual does behind "argument 2 ..."; NULL: it is one. */
#include "perl_side.h"

#define FDP_IS_NONE "is no handle and no descriptor number"

/* For any number that is too large, whatever its low bits say: EBADF. */
#define FDP_TOO_LARGE ((int64_t)I32_MAX + 1)

/* Is an argument of this kind one? */
bool
fdp_is_handle(char kind)
{
    switch (kind) {
    case FDP_CONNECTION:
    case FDP_RECEIVER:
    case FDP_HANDLE:
    case FDP_PLAIN:
    case FDP_STATUS:
    case FDP_HANDLES:
        return TRUE;
    default:
        return FALSE;
    }
}

/* The IO of an IO object, a glob, or a reference to either; else NULL. */
IO *
fdp_io(SV *sv)
{
    if (SvROK(sv))
        sv = SvRV(sv);
    if (SvTYPE(sv) == SVt_PVIO)
        return (IO *)sv;
    return isGV_with_GP(sv) ? GvIO((GV *)sv) : NULL;
}

#define FDP_IS_NAMED(stash, name) fdp_is_named((stash), name, sizeof(name) - 1)

static bool
fdp_is_named(HV *stash, const char *name, size_t length)
{
    const char *its_name = stash ? HvNAME_get(stash) : NULL;

    return its_name && (size_t)HvNAMELEN_get(stash) == length && memEQ(its_name, name, length);
}

/* Has the object's class a fileno method other than IO::Handle's? */
static bool
fdp_has_own_fileno(pTHX_ SV *sv)
{
    HV *stash = SvROK(sv) && SvOBJECT(SvRV(sv)) ? SvSTASH(SvRV(sv)) : NULL;
    GV *gv;

    if (!stash || FDP_IS_NAMED(stash, "IO::File"))
        return FALSE;
    gv = gv_fetchmeth(stash, "fileno", 6, 0);
    return gv && GvCV(gv) && !FDP_IS_NAMED(CvSTASH(GvCV(gv)), "IO::Handle");
}

static bool
fdp_is_digits(const char *s, STRLEN length, int64_t *number)
{
    const char *const end = s + length;
    UV value = 0;

    for (; s < end && isDIGIT(*s); s++)
        value = value > (UV)I32_MAX / 10 ? (UV)I32_MAX + 1 : value * 10 + (*s - '0');
    *number = (int64_t)value;
    return s == end && length > 0;
}

/* What no signed integer of 64 bits holds is only a number: 2**63, 1e20. */
static bool
fdp_is_whole(NV nv, int64_t *number)
{
    if (!(nv >= 0 && nv < (NV)9223372036854775808.0) || nv != Perl_floor(nv))
        return FALSE;
    *number = nv > (NV)I32_MAX ? FDP_TOO_LARGE : (int64_t)nv;
    return TRUE;
}

static bool
fdp_is_natural_string(pTHX_ SV *sv, int64_t *number)
{
    STRLEN length;
    const char *s = SvPV_nomg_const(sv, length);

    /* What was printed may be a string too: 9.00719925474099e+15. */
    return fdp_is_digits(s, length, number)
        || (SvNOK(sv) && SvNVX(sv) > (NV)I32_MAX && fdp_is_whole(SvNVX(sv), number));
}

/* A non-negative integer, or a string of digits. */
static bool
fdp_is_natural(pTHX_ SV *sv, int64_t *number)
{
    if (SvPOKp(sv))
        return fdp_is_natural_string(aTHX_ sv, number);
    if (SvIOK(sv) || (SvIOKp(sv) && !SvNOKp(sv))) {
        const UV value = SvUVX(sv);

        *number = value > (UV)I32_MAX ? FDP_TOO_LARGE : (int64_t)value;
        return value <= (UV)I32_MAX || SvIsUV(sv) || SvIVX(sv) >= 0;
    }
    return SvNOKp(sv) && fdp_is_whole(SvNVX(sv), number);
}

static const char *
fdp_number(pTHX_ SV *sv, int64_t *number)
{
    if (fdp_is_natural(aTHX_ sv, number))
        return NULL;
    return SvOK(sv) ? FDP_IS_NONE : FDP_IS_NONE ": it is undefined";
}

static const char *
fdp_number_of_method(pTHX_ fdp_reader *reader, SV *object, const char *method, int64_t *number)
{
    fdp_pin(aTHX_ reader);
    return fdp_is_natural(aTHX_ fdp_call_method(aTHX_ object, method), number)
        ? NULL : "has no descriptor: its fileno method gives none";
}

/* May one of its buffers hold something?  Of other layers than Perl's usual
 * two, of which :unix has none, it is not known here. */
static bool
fdp_has_buffers(PerlIO *layer)
{
    for (; PerlIOValid(layer); layer = PerlIONext(layer)) {
        const PerlIO_funcs *tab = PerlIOBase(layer)->tab;

        if (tab == &PerlIO_unix)
            continue;
        if (tab != &PerlIO_perlio
            || PerlIOBase(layer)->flags & (PERLIO_F_RDBUF | PERLIO_F_WRBUF))
            return TRUE;
    }
    return FALSE;
}

static const char *
fdp_number_of_io(pTHX_ fdp_reader *reader, IO *io, int64_t *number)
{
    PerlIO *in = IoIFP(io);
    PerlIO *out = IoOFP(io);

    if (in || out) {
        *number = PerlIO_fileno(in ? in : out);
        reader->buffers |= fdp_has_buffers(in) || (out != in && fdp_has_buffers(out));
        return *number >= 0 ? NULL : "has no descriptor: it is in memory";
    }
#ifdef HAS_DIRFD
    if (IoDIRP(io) && !(IoFLAGS(io) & IOf_FAKE_DIRP)) {
        *number = dirfd(IoDIRP(io));
        return NULL;
    }
#endif
    return "is closed";
}

static const char *
fdp_number_of_handle(pTHX_ fdp_reader *reader, I32 i, SV *sv, int64_t *number)
{
    SV *tied;
    IO *io;

    if (fdp_has_own_fileno(aTHX_ sv))
        return fdp_number_of_method(aTHX_ reader, sv, "fileno", number);
    if (SvROK(sv) && SvAMAGIC(sv)) {
        fdp_pin(aTHX_ reader);
        /* What is flushed later has to be the same glob. */
        sv = FDP_ARG(reader, i) = sv_mortalcopy(amagic_deref_call(sv, to_gv_amg));
    }
    io = fdp_io(sv);
    if (!io) {
        if (isGV_with_GP(sv) || (SvROK(sv) && isGV_with_GP(SvRV(sv))))
            return "was never opened";
        return SvROK(sv) ? FDP_IS_NONE : fdp_number(aTHX_ sv, number);
    }
    tied = fdp_tied(aTHX_ io);
    return tied ? fdp_number_of_method(aTHX_ reader, tied, "FILENO", number)
                : fdp_number_of_io(aTHX_ reader, io, number);
}

/* The descriptor of argument i, whose magic has been read. */
const char *
fdp_descriptor(pTHX_ fdp_reader *reader, I32 i, int64_t *number)
{
    SV *sv = FDP_ARG(reader, i);

    if (SvROK(sv) || SvTYPE(sv) >= SVt_PVGV)
        return fdp_number_of_handle(aTHX_ reader, i, sv, number);
    return fdp_number(aTHX_ sv, number);
}
