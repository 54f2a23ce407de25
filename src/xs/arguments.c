/* Reading the arguments, which may run Perl code: magic, overloading, methods. */
#include "perl_side.h"

#ifndef TAINT_get
#  define TAINT_get PL_tainted
#endif

/* Before 5.18 copy-on-write strings looked like constants. */
#if PERL_VERSION < 18
#  define FDP_IS_CONSTANT(sv) (SvREADONLY(sv) && !SvIsCOW(sv))
#else
#  define FDP_IS_CONSTANT(sv) SvREADONLY(sv)
#endif

static const char *
fdp_short_name(const fdp_sub *sub)
{
    return strrchr(sub->name, ':') + 1;
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
    const char *name = fdp_short_name(reader->call->sub);
    const bool tainted_before = cBOOL(TAINT_get);
    STRLEN length = 0;
    const char *path;

    /* Of this argument alone; an overloaded one shows it when it is read. */
    TAINT_NOT;
    path = SvOK(sv) ? SvPV_nomg_const(sv, length) : "";
    if (SvTAINTED(sv))
        TAINT;
    taint_proper(NULL, name);
    if (tainted_before)
        TAINT;
    sv = newSVpvn_flags(path, length, SVs_TEMP);
    argument->bytes = (const uint8_t *)SvPVX_const(sv);
    argument->length = length;
}

/* A copy: Perl code that runs for a later argument may change the string. */
static void
fdp_read_bytes(pTHX_ fdp_reader *reader, SV *sv, fdp_argument *argument)
{
    STRLEN length;
    const char *s = SvPV_nomg_const(sv, length);
    SV *copy = newSVpvn_flags(s, length, SVs_TEMP | (SvUTF8(sv) ? SVf_UTF8 : 0));

    if (SvUTF8(copy) && !sv_utf8_downgrade(copy, TRUE))
        croak("Wide character in %s", fdp_short_name(reader->call->sub));
    argument->bytes = (const uint8_t *)SvPV_nomg_const(copy, length);
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
        sv = FDP_ARG(reader, i);
        if (FDP_IS_CONSTANT(sv))
            return FDP_ABSENT;
        /* Perl code that runs before it is stored into could free it. */
        sv_2mortal(SvREFCNT_inc_simple_NN(sv));
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
        const char *name = SvPV_nomg_const(fdp_get(aTHX_ reader, from + 2 * i), length);
        SV *copy = newSVpvn_flags(name, length, SVs_TEMP);
        SV *value = fdp_get(aTHX_ reader, from + 2 * i + 1);

        options[i].name = (const uint8_t *)SvPVX_const(copy);
        options[i].name_length = length;
        options[i].defined = SvOK(value) ? 1 : 0;
        options[i].number = looks_like_number(value) ? SvNV_nomg(value) : NV_NAN;
        options[i].truth = SvTRUE_nomg(value) ? 1 : 0;
    }
    reader->call->options = options;
    reader->call->options_length = count;
}

/* Has an argument of this kind to be there? */
static bool
fdp_is_descriptor(char kind)
{
    return kind == FDP_CONNECTION || kind == FDP_HANDLE || kind == FDP_PLAIN || kind == FDP_STATUS;
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
    fdp_pin(aTHX_ reader);
    for (i = 0; i < 2; i++)
        shown[i] = i < reader->items && SvOK(FDP_ARG(reader, i)) ? FDP_ARG(reader, i) : &PL_sv_no;
    croak("Invalid args to %s: %" SVf ", %" SVf "\n", fdp_short_name(sub),
          SVfARG(shown[0]), SVfARG(shown[1]));
}

void
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
        else if (fdp_is_descriptor(kinds[i]))
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
