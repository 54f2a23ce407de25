/* Exceptions: what a call dies of, and what Perl says of it. */
#include "perl_side.h"

/* As it was when it was read. */
static SV *
fdp_shown(pTHX_ fdp_reader *reader, I32 i)
{
    SV *sv = i < reader->items ? FDP_ARG(reader, i) : &PL_sv_no;
    SV *copy;

    if (!SvGMAGICAL(sv))
        return SvOK(sv) ? sv : &PL_sv_no;
    copy = sv_newmortal();
    sv_setsv_nomg(copy, sv);
    return SvOK(copy) ? copy : &PL_sv_no;
}

/* Of argument i; scripts match the beginning as 0.09 had it. */
void
fdp_refuse(pTHX_ fdp_reader *reader, I32 i, const char *why)
{
    const fdp_sub *sub = reader->call->sub;
    SV *one, *other;

    if (sub->if_bad == FDP_DIE)
        croak("Invalid args to %s: argument %d %s", FDP_SHORT_NAME(sub), (int)i + 1, why);
    fdp_pin(aTHX_ reader);
    one = fdp_shown(aTHX_ reader, 0);
    other = fdp_shown(aTHX_ reader, 1);
    croak("Invalid args to %s: %" SVf ", %" SVf ": argument %d %s", FDP_SHORT_NAME(sub),
          SVfARG(one), SVfARG(other), (int)i + 1, why);
}

/* Of what Rust says; with an errno, as `die "text: $!\n"`. */
void
fdp_die(pTHX_ fdp_call *call, bool of_arguments)
{
    const fdp_answer *answer = &call->answer;
    SV *text = newSVpvn_flags((const char *)answer->bytes, answer->length, SVs_TEMP);

    if (of_arguments)
        croak("Invalid args to %s: %" SVf, FDP_SHORT_NAME(call->sub), SVfARG(text));
    if (!answer->error)
        croak("%" SVf, SVfARG(text));
    SETERRNO(answer->error, 0);
    croak("%" SVf ": %" SVf "\n", SVfARG(text), SVfARG(get_sv("!", GV_ADD)));
}
