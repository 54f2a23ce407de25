/* The one entry and exit of every XSUB, and their registration. */
#include "perl_side.h"

#ifdef MULTIPLICITY
#  define FDP_INTERPRETER(p) tTHX my_perl = (tTHX)(p)
#else
#  define FDP_INTERPRETER(p) PERL_UNUSED_VAR(p)
#endif

static void
fdp_read_limit(pTHX_ fdp_call *call)
{
    SV *limit = get_sv("File::FDpasser::max_text", 0);

    call->max_text = limit ? (uint64_t)SvUV(limit) : 0;
}

/* Whether what %SIG has is a handler of Perl's: code, a glob, or a name. */
static bool
fdp_is_handler(SV *of)
{
    return of
           && (SvROK(of) || isGV_with_GP(of)
               || (SvPOKp(of) && SvCUR(of) && strNE(SvPVX(of), "IGNORE")
                   && strNE(SvPVX(of), "DEFAULT")));
}

/* Where there is no handler, none can be put off. */
static const int *
fdp_put_off(pTHX)
{
    int number;

    /* There is none before the program, or a module, has mentioned %SIG. */
    for (number = 1; PL_psig_ptr && number < SIG_SIZE; number++)
        if (fdp_is_handler(PL_psig_ptr[number]))
            return &PL_sig_pending;
    return NULL;
}

/* What Rust asks for; most often nothing. */
static void
fdp_run(pTHX_ fdp_reader *reader)
{
    fdp_call *call = reader->call;
    uint32_t step;

    while ((step = fdp_enter(call)) != FDP_ANSWER) {
        fdp_guard(aTHX_ reader);
        if (step == FDP_WAIT) {
            call->signal_pending = fdp_put_off(aTHX);
            fdp_wait(call);
        } else if (step == FDP_LIMIT)
            fdp_read_limit(aTHX_ call);
        else if (step == FDP_TEXT)
            fdp_hand_on_text(aTHX_ call);
        else
            fdp_die(aTHX_ call, step == FDP_INVALID);
    }
}

static void
fdp_check_count(pTHX_ CV *cv, const fdp_sub *sub, I32 items)
{
    if (sub->usage && items != (I32)strlen(sub->arguments))
        croak_xs_usage(cv, sub->usage);
}

/* What says what there is: where there is nothing the rest is not looked at.  To
 * clear all of a call takes four times as long. */
static void
fdp_clear_answer(fdp_answer *answer)
{
    answer->error = 0;
    answer->has_bytes = 0;
    answer->owns_bytes = 0;
    answer->numbers = 0;
    answer->length = 0;
    answer->number[0] = 0;
    answer->many = NULL;
    answer->received = 0;
    answer->is_list = 0;
    answer->surplus = 0;
    answer->mistake = FDP_MISTAKE_NONE;
    answer->ids.are_given = 0;
}

static void
fdp_clear(fdp_call *call)
{
    int i;

    for (i = 0; i < FDP_POSITIONAL; i++)
        call->argument[i].state = FDP_ABSENT;
    call->handles = NULL;
    call->options = NULL;
    call->max_text = 0;
    call->flush_error = 0;
    call->operation = NULL;
    call->sigpipe = NULL;
    fdp_clear_answer(&call->answer);
}

static void
fdp_prepare(pTHX_ fdp_reader *reader, fdp_call *call, const fdp_sub *sub)
{
    fdp_clear(call);
    call->sub = sub;
    call->max_system_fd = PL_maxsysfd;
    call->signal_pending = &PL_sig_pending;
    reader->call = call;
    reader->store = -1;
    reader->list = NULL;
    reader->wrong = NULL;
    reader->listed = FALSE;
    reader->buffers = FALSE;
    reader->pinned = FALSE;
    reader->guarded = FALSE;
}

XS_INTERNAL(fdp_trampoline)
{
    dXSARGS;
    const int saved_errno = errno;
    fdp_call call;
    fdp_reader reader;
    I32 returned;

    fdp_prepare(aTHX_ &reader, &call, (const fdp_sub *)XSANY.any_ptr);
    reader.ax = ax;
    reader.items = items;
    fdp_check_count(aTHX_ cv, call.sub, items);

    /* Nothing is owned yet: this may die as it likes. */
    fdp_read_arguments(aTHX_ &reader);
    if (call.sub->quiet) {
        fdp_guard(aTHX_ &reader);
        fdp_hold_sigpipe(&call);
    }
    if (reader.buffers || reader.pinned)
        fdp_settle_buffers(aTHX_ &reader);
    fdp_run(aTHX_ &reader);
    if (call.sub->quiet)
        fdp_release_sigpipe(&call);
    if (reader.list)
        fdp_update_list(aTHX_ cv, &reader);
    fdp_tell(aTHX_ &reader);
    returned = fdp_return(aTHX_ cv, &reader);
    if (reader.guarded)
        LEAVE;
    SETERRNO(call.answer.error ? call.answer.error : saved_errno, 0);
    XSRETURN(returned);
}

#ifdef TAINTING_get
#  define FDP_TAINTING TAINTING_get
#else
#  define FDP_TAINTING PL_tainting
#endif

static void
fdp_register(pTHX)
{
    const fdp_sub *sub;
    size_t row;
    CV *cv;

    fdp_choose_transport(FDP_TAINTING ? 1 : 0);
    for (row = 0; (sub = fdp_table(row)); row++) {
        cv = newXS_flags(sub->name, fdp_trampoline, __FILE__, sub->prototype, 0);
        CvXSUBANY(cv).any_ptr = (void *)sub;
        fdp_add_class(aTHX_ cv, sub->as);
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
