/* SPDX-License-Identifier: MIT */
/*
 * A channel as a box of permits: what is sent to it is taken, what is
 * received from it is given back, and no more are out than it has room for.
 * Elements of no size cost nothing. weir/limiter.h has more of this.
 */
#include "must.h"

enum { OPERATIONS = 5, AT_A_TIME = 2 };

struct operation {
    int id;
    weir_chan *permits;
};

static void operate(void *arg)
{
    const struct operation *op = arg;

    must(weir_chan_send(op->permits, NULL, NULL));
    printf("Operation %d started\n", op->id);
    must(weir_sleep(100 * WEIR_MILLISECOND, NULL)); /* the work itself */
    printf("Operation %d completed\n", op->id);
    must(weir_chan_recv(op->permits, NULL, NULL));
}

int main(void)
{
    weir_chan *permits = made(weir_chan_new(0, AT_A_TIME));
    weir_wg all = WEIR_WG_INIT;
    struct operation ops[OPERATIONS];

    for (int i = 0; i < OPERATIONS; i++) {
        ops[i] = (struct operation){i, permits};
        must(weir_wg_go(&all, operate, &ops[i]));
    }
    must(weir_wg_wait(&all, NULL));
    puts("All operations completed");

    must(weir_stop(WEIR_FOREVER));
    weir_chan_unref(permits);
    return printed();
}
