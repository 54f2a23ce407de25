/* The descriptor of whatever the manual calls a connection or a handle. */
#include "perl_side.h"

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

/* An argument, its magic read. */
SV *
fdp_get(pTHX_ fdp_reader *reader, I32 i)
{
    SV *sv = FDP_ARG(reader, i);

    if (SvGMAGICAL(sv) || (SvROK(sv) && SvAMAGIC(sv)))
        fdp_pin(aTHX_ reader);
    SvGETMAGIC(sv);
    return sv;
}

static bool
fdp_is_named(HV *stash, const char *name)
{
    const char *its_name = stash ? HvNAME_get(stash) : NULL;

    return its_name && strEQ(its_name, name);
}

/* Has the object's class a fileno method other than IO::Handle's? */
static bool
fdp_has_own_fileno(pTHX_ SV *sv)
{
    HV *stash = SvROK(sv) && SvOBJECT(SvRV(sv)) ? SvSTASH(SvRV(sv)) : NULL;
    GV *gv;

    if (!stash || fdp_is_named(stash, "IO::File"))
        return FALSE;
    gv = gv_fetchmeth(stash, "fileno", 6, 0);
    return gv && GvCV(gv) && !fdp_is_named(CvSTASH(GvCV(gv)), "IO::Handle");
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
            value = value > (UV)I32_MAX / 10 ? (UV)I32_MAX + 1 : value * 10 + (*s - '0');
        if (s < end || length == 0)
            return FALSE;
    }
    else if (SvIOK(sv) || (SvIOKp(sv) && !SvNOKp(sv))) {
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

/* The descriptor of a connection or handle: of whatever the manual calls so. */
bool
fdp_descriptor(pTHX_ fdp_reader *reader, I32 i, int64_t *number)
{
    SV *sv = fdp_get(aTHX_ reader, i);
    IO *io;
    SV *tied;

    if (!SvROK(sv) && SvTYPE(sv) < SVt_PVGV)
        return fdp_natural(aTHX_ sv, number);
    reader->handles = TRUE;
    if (fdp_has_own_fileno(aTHX_ sv)) {
        fdp_pin(aTHX_ reader);
        sv = fdp_call_method(aTHX_ sv, "fileno");
        return fdp_natural(aTHX_ sv, number);
    }
    if (SvROK(sv) && SvAMAGIC(sv)) {
        fdp_pin(aTHX_ reader);
        /* What is flushed later has to be the same glob. */
        sv = FDP_ARG(reader, i) = sv_mortalcopy(amagic_deref_call(sv, to_gv_amg));
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
