/* SPDX-License-Identifier: MIT */
/* The counts of a subscription while messages come and go: a message that does
 * both between two looks at the counters, which are compiled anew for that. */
#include "event/sub.h"
#include "fake.h"

#include "base/misuse.h"

static void before_load(const void *counter);
#define __atomic_load_n(counter, order)                                        \
    (before_load(counter), __atomic_load_n(counter, order))
#define receive receive_some /* another one is in fake.h */
#include "event/sub.c"
#undef receive
#undef __atomic_load_n

static weir_sub *sub;
static int to_come; /* messages, one before each look                       */

static void before_load(const void *counter)
{
    if (to_come == 0 || counter != &sub->received)
        return;
    to_come--;
    fake_feed(1);
    weir_message *m = receive(sub);
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
}

/* It is in none of the snapshots, or in one with both its ends. */
START_TEST(what_came_and_went_is_not_in_flight)
{
    weir_message *m;

    fake_start();
    sub = fake_sub(NULL);
    fake_feed(1);
    m = receive(sub);
    to_come = 3;
    const weir_sub_counts n = counts_of(sub);
    must_eq(n.in_flight, 1);
    must_eq(n.received, 4);
    must_eq(n.acked, 3);
    weir_message_free(m);
    weir_sub_free(sub);
    fake_end();
}
END_TEST

/* No longer than a moment: then what went is still in flight, and the account
 * holds all the same. */
START_TEST(counts_that_never_stand_still_end)
{
    fake_start();
    sub = fake_sub(NULL);
    to_come = 1000;
    const weir_sub_counts n = counts_of(sub);
    must(to_come > 0);
    must_eq(n.in_flight, 1);
    to_come = 0;
    weir_sub_free(sub);
    fake_end();
}
END_TEST

CHECK_MAIN(CHECK_TEST(what_came_and_went_is_not_in_flight),
           CHECK_TEST(counts_that_never_stand_still_end))
