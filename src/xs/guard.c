/* What has to outlive Perl code, and what has to be freed where it leaves by
 * die or exit. */
#include "perl_side.h"

/* On every way out, die and exit included. */
static void
fdp_leave(pTHX_ void *call)
{
    PERL_UNUSED_CONTEXT;
    fdp_abandon((fdp_call *)call);
}

/* Before anything that may leave while the call owns something: what it owns
 * hangs on the savestack from then on. */
void
fdp_guard(pTHX_ fdp_reader *reader)
{
    if (reader->guarded)
        return;
    reader->guarded = TRUE;
    ENTER;
    SAVEDESTRUCTOR_X(fdp_leave, reader->call);
}

/* Keeps the arguments alive while Perl code runs that could free them. */
void
fdp_pin(pTHX_ fdp_reader *reader)
{
    I32 i;

    if (reader->pinned)
        return;
    reader->pinned = TRUE;
    for (i = 0; i < reader->items; i++)
        sv_2mortal(SvREFCNT_inc_simple_NN(FDP_ARG(reader, i)));
}
