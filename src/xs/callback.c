/*
 * Calls into Perl: methods, callbacks, warnings.  Each on a context stack of
 * its own, so that last, next and goto find nothing to leave to, and die.
 */
#include "perl_side.h"

SV *
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
fdp_call_sub(pTHX_ SV *code, SV *const *arguments, I32 count)
{
    dSP;
    I32 i;

    PUSHSTACKi(PERLSI_MAGIC);
    PUSHMARK(SP);
    EXTEND(SP, count);
    for (i = 0; i < count; i++)
        PUSHs(arguments[i]);
    PUTBACK;
    call_sv(code, G_VOID | G_DISCARD);
    POPSTACK;
}

/* The object that the handle is tied to, or NULL. */
SV *
fdp_tied(pTHX_ IO *io)
{
    MAGIC *mg = SvRMAGICAL((SV *)io) ? mg_find((SV *)io, PERL_MAGIC_tiedscalar) : NULL;

    return mg ? SvTIED_obj((SV *)io, mg) : NULL;
}

/* Tainted, as whatever a peer says. */
static SV *
fdp_text(pTHX_ const fdp_call *call)
{
    SV *text = newSVpvn_flags((const char *)call->answer.bytes, call->answer.length, SVs_TEMP);

    SvTAINTED_on(text);
    return text;
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

/* What it makes is freed at once: text comes in any number of pieces. */
void
fdp_hand_on_text(pTHX_ fdp_call *call)
{
    SV *callback = get_sv("File::FDpasser::on_text", 0);

    ENTER;
    SAVETMPS;
    if (callback)
        SvGETMAGIC(callback);
    if (callback && SvOK(callback)) {
        SV *text = fdp_text(aTHX_ call);

        fdp_call_sub(aTHX_ callback, &text, 1);
    }
    else {
        fdp_text_to_stderr(aTHX_ call);
    }
    FREETMPS;
    LEAVE;
}

/* By a function in Perl, where the caller's `no warnings` is known. */
void
fdp_warn(pTHX_ fdp_reader *reader, const char *format, ...)
{
    SV *code = (SV *)get_cv("File::FDpasser::_warn", 0);
    va_list arguments;
    SV *text;

    if (!code)
        return;
    fdp_pin(aTHX_ reader);
    va_start(arguments, format);
    text = sv_2mortal(vnewSVpvf(format, &arguments));
    va_end(arguments);
    fdp_call_sub(aTHX_ code, &text, 1);
}
