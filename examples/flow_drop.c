/* SPDX-License-Identifier: MIT */
/* WEIR_DROP: a full channel keeps what it has and drops what comes. */
#include "must.h"

WEIR_CHAN(numbers, int);

static void say_dropped(weir_chan *c, const void *elem, enum weir_drop reason,
                        void *arg)
{
    (void)c, (void)reason, (void)arg;
    printf("Dropped: %d\n", *(const int *)elem);
}

int main(void)
{
    numbers *c = made(numbers_new_with((weir_chan_opts){
        .capacity = 2,
        .policy = WEIR_DROP,
        .hooks = {.on_drop = say_dropped},
    }));
    weir_chan_stats stats;
    int n;

    for (int i = 1; i <= 4; i++)
        must(numbers_send(c, i, NULL));
    printf("Buffer contents: %zu items\n", numbers_len(c));

    while (numbers_try_recv(c, &n) == 0)
        printf("Received: %d\n", n);
    must(weir_chan_get_stats(numbers_base(c), &stats));
    printf("Total dropped: %d\n", (int)stats.dropped);

    numbers_unref(c);
    return printed();
}
