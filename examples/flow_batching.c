/* SPDX-License-Identifier: MIT */
/*
 * Requests in batches: as soon as there are ten, and otherwise with what has
 * come when the first of them has waited long enough. One call does it, with
 * no ticker and no select.
 */
#include "must.h"

enum { REQUESTS = 23, BATCH = 10 };

WEIR_CHAN(requests, int);

static void process(const int *batch, ptrdiff_t n)
{
    printf("Batch of %td: %d to %d\n", n, batch[0], batch[n - 1]);
}

/* Closes the channel once all requests are done: that the last three are, is
 * the lingering's doing. */
static void process_batches(requests *c)
{
    int batch[BATCH];
    ptrdiff_t n, done = 0;

    while ((n = requests_recv_batch(c, batch, 1, BATCH, 100 * WEIR_MILLISECOND,
                                    NULL)) > 0) {
        process(batch, n);
        done += n;
        if (done == REQUESTS)
            must(requests_close(c));
    }
    printf("Requests processed: %td\n", done);
}

int main(void)
{
    requests *c = made(requests_new(100));

    for (int i = 1; i <= REQUESTS; i++)
        must(requests_send(c, i, NULL));
    process_batches(c);

    must(weir_stop(WEIR_FOREVER));
    requests_unref(c);
    return printed();
}
