/* SPDX-License-Identifier: MIT */
/*
 * After close no send succeeds, not even by dropping: a sender that found the
 * channel full just before is told that it is closed, and nothing is dropped
 * for its element. The account of a closed channel stands still.
 */
#include <pthread.h>
#include "flowctl.h"

struct late {
    weir_chan *c;
    atomic_bool sending;
};

static void *send_until_closed(void *arg)
{
    struct late *late = arg;
    int v = 0, rc;

    do {
        rc = weir_chan_send(late->c, &v, NULL);
        atomic_store(&late->sending, true);
    } while (rc == 0);
    must_eq(rc, WEIR_CLOSED);
    return NULL;
}

static void close_amid(enum weir_policy policy)
{
    const weir_chan_opts o = {.elem_size = sizeof(int),
                              .capacity = policy == WEIR_LATEST ? 1 : 2,
                              .policy = policy};
    struct late late = {weir_chan_new_with(&o), false};
    weir_chan_stats at_close, after;
    pthread_t thread;

    must(late.c != NULL);
    must_eq(pthread_create(&thread, NULL, send_until_closed, &late), 0);
    while (!atomic_load(&late.sending))
        weir_yield();
    must_eq(weir_chan_close(late.c), 0);
    must_eq(weir_chan_get_stats(late.c, &at_close), 0);
    must_eq(pthread_join(thread, NULL), 0);
    must_eq(weir_chan_get_stats(late.c, &after), 0);
    must_eq(after.sent, at_close.sent);
    must_eq(after.dropped, at_close.dropped);
    must_eq(after.queued, at_close.queued);
    weir_chan_unref(late.c);
}

START_TEST(a_closed_channel_drops_nothing)
{
    static const enum weir_policy dropping[] = {WEIR_DROP, WEIR_DROP_OLDEST,
                                                WEIR_LATEST, WEIR_SAMPLE};
    int i, n = check_scale(300);

    for (i = 0; i < n; i++)
        close_amid(dropping[_i]);
}
END_TEST

CHECK_MAIN(CHECK_LOOP(a_closed_channel_drops_nothing, 4))
