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

/* Each file uses only those above it here; trampoline.c uses them all. */

/* guard.c */
void fdp_guard(pTHX_ fdp_reader *reader);
void fdp_pin(pTHX_ fdp_reader *reader);

/* callback.c */
SV *fdp_call_method(pTHX_ SV *object, const char *method);
SV *fdp_tied(pTHX_ IO *io);
void fdp_hand_on_text(pTHX_ fdp_call *call);
void fdp_warn_of_surplus(pTHX_ size_t surplus);

/* handle.c */
IO *fdp_io(SV *sv);
SV *fdp_get(pTHX_ fdp_reader *reader, I32 i);
bool fdp_descriptor(pTHX_ fdp_reader *reader, I32 i, int64_t *number);

/* arguments.c */
void fdp_read_arguments(pTHX_ fdp_reader *reader);

/* flush.c */
void fdp_flush_arguments(pTHX_ fdp_reader *reader);

/* answer.c */
void fdp_tell(pTHX_ fdp_reader *reader);
void fdp_add_class(pTHX_ CV *cv, uint8_t as);
I32 fdp_return(pTHX_ CV *cv, fdp_reader *reader);
void fdp_die(pTHX_ fdp_call *call);

#endif
