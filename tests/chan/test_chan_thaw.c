/* SPDX-License-Identifier: MIT */
/*
 * Only a frozen channel thaws. A receiver that its context takes away thaws
 * the channel behind it; by then a sender may have unlinked its node, and the
 * channel be in fast use again. Thawing it once more must not write counts
 * back that others have moved on.
 */
#include <pthread.h>

#include "chan/chan.h"
#include "parties.h"

struct late {
    weir_chan *chan;
    atomic_bool over;
};

/* What the late receiver does, without the wait. */
static void *thaw_again(void *arg)
{
    struct late *late = arg;

    while (!late->over) {
        wr_lock(&late->chan->lock);
        wr_chan_thaw(late->chan);
        wr_unlock(&late->chan->lock);
    }
    return NULL;
}

START_TEST(late_thaw_changes_nothing)
{
    struct late late = {weir_chan_new(sizeof(int), 2), false};
    int i, v, n = check_scale(3000000);
    weir_chan_stats st;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, thaw_again, &late), 0);
    for (i = 0; i < n; i++) {
        must_eq(weir_chan_try_send(late.chan, &i), 0);
        must_eq(weir_chan_try_recv(late.chan, &v), 0);
        must_eq(v, i);
    }
    late.over = true;
    pthread_join(thread, NULL);
    ck_assert_int_eq(weir_chan_get_stats(late.chan, &st), 0);
    ck_assert_uint_eq(st.sent, (uint64_t)n);
    ck_assert_uint_eq(st.received, (uint64_t)n);
    weir_chan_unref(late.chan);
}
END_TEST

CHECK_MAIN(CHECK_TEST(late_thaw_changes_nothing))
