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

/* A call on C's side. */
typedef struct {
    fdp_call *call;
    I32       ax;
    I32       items;
    I32       store;   /* index of the FDP_STORE argument, or -1                */
    AV       *list;    /* the FDP_LIST argument, or NULL                        */
    const char *wrong; /* what is wrong with argument wrong_at, or NULL         */
    I32       wrong_at;
    bool      listed;  /* what came is in there                                 */
    bool      buffers; /* of a handle there may be something in                 */
    bool      pinned;  /* the arguments live until the statement ends           */
    bool      guarded; /* what the call owns hangs on the savestack             */
} fdp_reader;

#define FDP_ARG(reader, i) (PL_stack_base[(reader)->ax + (i)])

/* Without the package. */
#define FDP_SHORT_NAME(sub) (strrchr((sub)->name, ':') + 1)

/* Each file uses only those above it here; trampoline.c uses them all. */

/* guard.c */
void fdp_guard(pTHX_ fdp_reader *reader);
void fdp_pin(pTHX_ fdp_reader *reader);

/* callback.c */
SV *fdp_call_method(pTHX_ SV *object, const char *method);
SV *fdp_tied(pTHX_ IO *io);
void fdp_hand_on_text(pTHX_ fdp_call *call);
void fdp_warn(pTHX_ fdp_reader *reader, const char *format, ...);

/* handle.c */
bool fdp_is_handle(char kind);
IO *fdp_io(SV *sv);
const char *fdp_descriptor(pTHX_ fdp_reader *reader, I32 i, int64_t *number);

/* refusal.c */
void fdp_refuse(pTHX_ fdp_reader *reader, I32 i, const char *why) __attribute__noreturn__;
void fdp_die(pTHX_ fdp_call *call, bool of_arguments) __attribute__noreturn__;

/* arguments.c */
void fdp_read_arguments(pTHX_ fdp_reader *reader);

/* buffers.c */
void fdp_settle_buffers(pTHX_ fdp_reader *reader);

/* answer.c */
void fdp_tell(pTHX_ fdp_reader *reader);
void fdp_add_class(pTHX_ CV *cv, uint8_t as);
SV *fdp_scalar_of(pTHX_ CV *cv, fdp_received *received, uint8_t as);
I32 fdp_return(pTHX_ CV *cv, fdp_reader *reader);

/* list.c */
void fdp_update_list(pTHX_ CV *cv, fdp_reader *reader);

#endif
