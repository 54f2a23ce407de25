/*
 * A list of the program's own that a call adds to, or takes off what has gone:
 * before any Perl code can run, so that no signal handler that dies can come
 * between.
 */
#include "perl_side.h"

/* How many; the call closes what could not be made a handle. */
static size_t
fdp_push_descriptors(pTHX_ CV *cv, fdp_reader *reader)
{
    fdp_answer *answer = &reader->call->answer;
    size_t i;

    for (i = 0; i < answer->received; i++) {
        SV *sv = fdp_scalar_of(aTHX_ cv, answer->many ? &answer->many[i] : &answer->only, reader->call->sub->as);

        if (!sv) {
            answer->error = errno ? errno : ENOMEM;
            break;
        }
        av_push(reader->list, SvREFCNT_inc_simple_NN(sv));
    }
    return i;
}

/* A message brings descriptors, or an errno. */
static size_t
fdp_push_received(pTHX_ CV *cv, fdp_reader *reader)
{
    const fdp_answer *answer = &reader->call->answer;

    if (!answer->numbers)
        return fdp_push_descriptors(aTHX_ cv, reader);
    av_push(reader->list, newSViv((IV)answer->number[0]));
    return 1;
}

/* The string at the front; a list that has none and gets nothing stays empty. */
static size_t
fdp_add_read(pTHX_ CV *cv, fdp_reader *reader)
{
    const fdp_answer *answer = &reader->call->answer;
    SV *bytes;

    if (!answer->length && !answer->received)
        return 0;
    bytes = *av_fetch(reader->list, 0, 1);
    if (!SvOK(bytes))
        sv_setpvs(bytes, "");
    sv_catpvn_nomg(bytes, (const char *)answer->bytes, answer->length);
    SvTAINTED_on(bytes);
    return answer->length + fdp_push_descriptors(aTHX_ cv, reader);
}

/* The descriptors go with the first byte. */
static void
fdp_take_written(pTHX_ AV *list, size_t written)
{
    SV *bytes = *av_fetch(list, 0, 1);

    if (written >= SvCUR(bytes)) {
        av_clear(list);
        return;
    }
    sv_chop(bytes, SvPVX(bytes) + written);
    av_fill(list, 0);
}

static void
fdp_take_sent(pTHX_ AV *list, size_t count)
{
    while (count-- > 0)
        SvREFCNT_dec(av_shift(list));
}

static void
fdp_take(pTHX_ AV *list, uint8_t how, size_t gone)
{
    switch (how) {
    case FDP_LIST_SENT:
        fdp_take_sent(aTHX_ list, gone);
        break;
    case FDP_LIST_WRITTEN:
        fdp_take_written(aTHX_ list, gone);
        break;
    default: /* FDP_LIST_ALL_SENT */
        av_clear(list);
    }
}

void
fdp_update_list(pTHX_ CV *cv, fdp_reader *reader)
{
    fdp_answer *answer = &reader->call->answer;
    const uint8_t how = reader->call->sub->list;
    const bool comes = how == FDP_LIST_RECEIVED || how == FDP_LIST_READ;

    if (answer->error && !(how == FDP_LIST_SENT && answer->number[0] > 0))
        return;
    fdp_guard(aTHX_ reader);
    if (!comes) {
        fdp_take(aTHX_ reader->list, how, (size_t)answer->number[0]);
        return;
    }
    answer->number[0] = (int64_t)(how == FDP_LIST_READ ? fdp_add_read(aTHX_ cv, reader)
                                                       : fdp_push_received(aTHX_ cv, reader));
    answer->numbers = 1;
    reader->listed = TRUE;
}
