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

/* An argument, its magic read. */
static SV *
fdp_get(pTHX_ fdp_reader *reader, I32 i)
{
    SV *sv = FDP_ARG(reader, i);

    if (SvGMAGICAL(sv) || (SvROK(sv) && SvAMAGIC(sv)))
        fdp_pin(aTHX_ reader);
    SvGETMAGIC(sv);
    return sv;
}

static bool
fdp_is_integer(pTHX_ SV *sv, int64_t *number)
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

static const char *
fdp_read_integer(pTHX_ SV *sv, fdp_argument *argument)
{
    if (!SvOK(sv))
        argument->state = FDP_ABSENT;
    else if (!fdp_is_integer(aTHX_ sv, &argument->number))
        return "is not an integer";
    return NULL;
}

static void
fdp_take_string(fdp_argument *argument, SV *copy)
{
    argument->bytes = (const uint8_t *)SvPVX_const(copy);
    argument->length = SvCUR(copy);
}

static const char *
fdp_read_path(pTHX_ fdp_reader *reader, SV *sv, fdp_argument *argument)
{
    const bool tainted_before = cBOOL(TAINT_get);
    STRLEN length = 0;
    const char *path;

    /* Of this argument alone; an overloaded one shows it when it is read. */
    TAINT_NOT;
    path = SvOK(sv) ? SvPV_nomg_const(sv, length) : "";
    if (SvTAINTED(sv))
        TAINT;
    taint_proper(NULL, FDP_SHORT_NAME(reader->call->sub));
    if (tainted_before)
        TAINT;
    fdp_take_string(argument, newSVpvn_flags(path, length, SVs_TEMP));
    if (SvROK(sv) && !SvAMAGIC(sv))
        return "is a reference where a path should be";
    if (!length)
        return SvOK(sv) ? "is empty" : "is undefined";
    return NULL;
}

/* What an object says of itself as a string; NULL for other references. */
static SV *
fdp_string_of_object(pTHX_ SV *sv)
{
    SV *string = SvAMAGIC(sv) ? AMG_CALLunary(sv, string_amg) : NULL;

    return string && !SvROK(string) ? string : NULL;
}

/* A copy: Perl code that runs for a later argument may change the string. */
static const char *
fdp_read_bytes(pTHX_ SV *sv, fdp_argument *argument)
{
    STRLEN length;
    SV *copy;

    if (!SvOK(sv)) {
        argument->state = FDP_ABSENT;
        return NULL;
    }
    if (isGV_with_GP(sv))
        return "is a handle where bytes should be";
    if (SvROK(sv) && !(sv = fdp_string_of_object(aTHX_ sv)))
        return "is a reference where bytes should be";
    copy = sv_newmortal();
    sv_setsv_flags(copy, sv, SV_NOSTEAL);
    (void)SvPV_nomg_const(copy, length);
    if (SvUTF8(copy) && !sv_utf8_downgrade(copy, TRUE))
        return "has a wide character in it";
    fdp_take_string(argument, copy);
    return NULL;
}

static const char *
fdp_read_store(pTHX_ fdp_reader *reader, I32 i, fdp_argument *argument)
{
    SV *sv = FDP_ARG(reader, i);

    if (FDP_IS_CONSTANT(sv)) {
        argument->state = FDP_ABSENT;
        return NULL;
    }
    /* Perl code that runs before it is stored into could free it. */
    sv_2mortal(SvREFCNT_inc_simple_NN(sv));
    reader->store = i;
    return NULL;
}

/* A plain array, kept alive while Perl code runs that could free it. */
static const char *
fdp_read_list(pTHX_ fdp_reader *reader, I32 i)
{
    SV *sv = FDP_ARG(reader, i);

    if (!SvROK(sv) || SvTYPE(SvRV(sv)) != SVt_PVAV || SvRMAGICAL(SvRV(sv)))
        return "is no reference to a plain array";
    reader->list = (AV *)sv_2mortal(SvREFCNT_inc_simple_NN(SvRV(sv)));
    return NULL;
}

/* Most numbers: nothing but an integer, and not too large. */
static bool
fdp_is_plain_number(SV *sv, int64_t *number)
{
    if ((SvFLAGS(sv) & (SVf_IOK | SVf_ROK | SVp_POK)) != SVf_IOK || SvUVX(sv) > (UV)I32_MAX)
        return FALSE;
    *number = (int64_t)SvUVX(sv);
    return TRUE;
}

/* Reads argument i as what `kind` asks for; NULL, or why it is not that. */
static const char *
fdp_read_one(pTHX_ fdp_reader *reader, char kind, I32 i, fdp_argument *argument)
{
    SV *sv;

    argument->state = FDP_GOOD;
    if (kind == FDP_STORE)
        return fdp_read_store(aTHX_ reader, i, argument);
    if (kind == FDP_LIST)
        return fdp_read_list(aTHX_ reader, i);
    sv = fdp_get(aTHX_ reader, i);
    switch (kind) {
    case FDP_INTEGER:
        return fdp_read_integer(aTHX_ sv, argument);
    case FDP_PATH:
        return fdp_read_path(aTHX_ reader, sv, argument);
    case FDP_BYTES:
        return fdp_read_bytes(aTHX_ sv, argument);
    case FDP_STATUS:
        if (fdp_is_integer(aTHX_ sv, &argument->number))
            return NULL;
        /* FALLTHROUGH */
    default:
        return fdp_is_plain_number(sv, &argument->number)
            ? NULL : fdp_descriptor(aTHX_ reader, i, &argument->number);
    }
}

static void
fdp_read_handles(pTHX_ fdp_reader *reader, I32 from)
{
    const I32 count = reader->items - from;
    const char *why;
    int32_t *handles;
    int64_t number;
    I32 i;

    if (count <= 0)
        return;
    Newx(handles, count, int32_t);
    SAVEFREEPV(handles);
    for (i = 0; i < count; i++) {
        why = fdp_is_plain_number(fdp_get(aTHX_ reader, from + i), &number)
            ? NULL : fdp_descriptor(aTHX_ reader, from + i, &number);
        if (why && reader->call->sub->if_bad == FDP_REFUSE) {
            reader->call->flush_error = EBADF;
            return;
        }
        if (why)
            fdp_refuse(aTHX_ reader, from + i, why);
        handles[i] = number > I32_MAX ? I32_MAX : (int32_t)number;
    }
    reader->call->handles = handles;
    reader->call->handles_length = count;
}

/* From a copy, so that what is magical is looked at once. */
static void
fdp_read_value(pTHX_ SV *value, fdp_option *option)
{
    SV *copy = sv_newmortal();
    STRLEN length;

    sv_setsv_nomg(copy, value);
    option->defined = SvOK(copy) ? 1 : 0;
    option->truth = SvTRUE_nomg(copy) ? 1 : 0;
    option->number = looks_like_number(copy) ? SvNV_nomg(copy) : NV_NAN;
    if (option->defined) {
        option->text = (const uint8_t *)SvPV_nomg_const(copy, length);
        option->text_length = length;
    }
}

static void
fdp_read_options(pTHX_ fdp_reader *reader, I32 from)
{
    const I32 items = reader->items > from ? reader->items - from : 0;
    fdp_option *options;
    STRLEN length;
    I32 i;

    if (!items)
        return;
    Newxz(options, (items + 1) / 2, fdp_option);
    SAVEFREEPV(options);
    for (i = 0; i < items; i += 2) {
        fdp_option *option = &options[i / 2];
        SV *sv = fdp_get(aTHX_ reader, from + i);
        const char *name = SvPV_nomg_const(sv, length);

        option->name = (const uint8_t *)SvPVX_const(newSVpvn_flags(name, length, SVs_TEMP));
        option->name_length = length;
        option->has_value = i + 1 < items ? 1 : 0;
        if (option->has_value)
            fdp_read_value(aTHX_ fdp_get(aTHX_ reader, from + i + 1), option);
    }
    reader->call->options = options;
    reader->call->options_length = (items + 1) / 2;
}

void
fdp_read_arguments(pTHX_ fdp_reader *reader)
{
    fdp_call *call = reader->call;
    const char *kinds = call->sub->arguments;
    const char *why_bad = NULL;
    I32 bad = 0;
    I32 i;

    for (i = 0; kinds[i] && kinds[i] != FDP_HANDLES && kinds[i] != FDP_OPTIONS; i++) {
        fdp_argument *argument = &call->argument[i];
        const char *why = NULL;

        if (i < reader->items)
            why = fdp_read_one(aTHX_ reader, kinds[i], i, argument);
        else if (fdp_is_handle(kinds[i]) || kinds[i] == FDP_PATH)
            why = "is missing";
        if (!why)
            continue;
        argument->state = FDP_BAD;
        bad = why_bad ? bad : i;
        why_bad = why_bad ? why_bad : why;
    }
    if (why_bad && call->sub->if_bad != FDP_REFUSE)
        fdp_refuse(aTHX_ reader, bad, why_bad);
    reader->wrong = why_bad;
    reader->wrong_at = bad;
    if (kinds[i] == FDP_HANDLES)
        fdp_read_handles(aTHX_ reader, i);
    else if (kinds[i] == FDP_OPTIONS)
        fdp_read_options(aTHX_ reader, i);
    else if (reader->items > i && !why_bad) {
        reader->wrong = "is one too many";
        reader->wrong_at = i;
    }
}
