/*
 * What the C files share: Perl's headers, and the few functions that are used
 * from more than one file.  shim.h is the contract with Rust.
 *
 * No policy and no system calls in C: what a call does is Rust's business,
 * what Perl code may run is C's.  It may leave by die or exit wherever it
 * runs; no Rust frame is on the stack then, and what the call owns hangs on
 * the savestack (fdp_guard).
 */
#ifndef FDP_PERL_SIDE_H
#define FDP_PERL_SIDE_H

#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"
#include "perliol.h"
#include "shim.h"

/* What reading the arguments has to remember. */
typedef struct {
    fdp_call *call;
    I32       ax;
    I32       items;
    I32       store; /* index of the FDP_STORE argument, or -1 */
    bool      pinned;
    bool      handles; /* not all are numbers: there may be output to flush */
    bool      guarded; /* what the call owns hangs on the savestack */
} fdp_reader;

#define FDP_ARG(reader, i) (PL_stack_base[(reader)->ax + (i)])

/* trampoline.c */
void fdp_guard(pTHX_ fdp_reader *reader);

#ifndef TAINT_get
#  define TAINT_get PL_tainted
#endif

/* Before 5.18 copy-on-write strings looked like constants. */
#if PERL_VERSION < 18
#  define FDP_IS_CONSTANT(sv) (SvREADONLY(sv) && !SvIsCOW(sv))
#else
#  define FDP_IS_CONSTANT(sv) SvREADONLY(sv)
#endif

/* arguments.c */
void fdp_pin(pTHX_ fdp_reader *reader);
void fdp_read_arguments(pTHX_ fdp_reader *reader);
IO *fdp_io(SV *sv);
const char *fdp_short_name(const fdp_sub *sub);

/* flush.c */
bool fdp_is_flushed(char kind);
void fdp_flush_arguments(pTHX_ fdp_reader *reader);

/* callback.c */
SV *fdp_call_method(pTHX_ SV *object, const char *method);
SV *fdp_tied(pTHX_ IO *io);
void fdp_hand_on_text(pTHX_ fdp_call *call);
void fdp_warn_of_surplus(pTHX_ size_t surplus);

/* answer.c */
void fdp_tell(pTHX_ fdp_reader *reader);
void fdp_add_class(pTHX_ CV *cv);
I32 fdp_return(pTHX_ CV *cv, fdp_reader *reader);
void fdp_die(pTHX_ fdp_call *call);

#endif
