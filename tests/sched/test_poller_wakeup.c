/* SPDX-License-Identifier: MIT */
/*
 * A worker that sleeps in the poller gets up for each task that only it may
 * run, also while another, which is busy, looks at the poller now and then.
 */
#include <unistd.h>
#include "../chan/parties.h"

static atomic_bool stop;
static ints *ping, *pong;

static void stay_busy(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop))
        weir_yield();
}

static void answer(void *arg)
{
    int v;

    (void)arg;
    while (ints_recv(ping, &v, NULL) == 0)
        put(pong, v);
}

/* While somebody waits for a descriptor the busy worker looks. */
static void wait_for_byte(void *fd)
{
    char byte;

    must_eq(weir_read(*(int *)fd, &byte, 1, NULL), 1);
}

START_TEST(no_kick_is_lost_to_who_only_looks)
{
    const weir_opts two_workers = {.workers = 2};
    const weir_task_opts pinned = {.pinned = true};
    int ends[2], i;

    ping = ints_new(1);
    pong = ints_new(1);
    must_eq(pipe(ends), 0);
    must_eq(weir_start(&two_workers), 0);
    must_eq(weir_go(wait_for_byte, &ends[0]), 0);
    must_eq(weir_go_with(&pinned, stay_busy, NULL), 0);
    must_eq(weir_go_with(&pinned, answer, NULL), 0);
    for (i = 0; i < check_scale(300000); i++) {
        put(ping, i);
        must_eq(get(pong), i);
    }
    atomic_store(&stop, true);
    must_eq(ints_close(ping), 0);
    must_eq(write(ends[1], "", 1), 1);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    close(ends[0]);
    close(ends[1]);
    ints_unref(ping);
    ints_unref(pong);
}
END_TEST

CHECK_MAIN(CHECK_TEST(no_kick_is_lost_to_who_only_looks))
