/* SPDX-License-Identifier: MIT */
/*
 * Wait groups: by hand, where each task counts itself off; and by
 * weir_wg_go, which counts, starts and counts off. The wait has a context,
 * too.
 */
#include <stdatomic.h>
#include "must.h"

enum { ITEMS = 10 };

struct item {
    weir_wg *wg;
    int id;
    atomic_int *sum;
};

static void process_and_tell(void *arg)
{
    const struct item *item = arg;

    atomic_fetch_add(item->sum, item->id);
    must(weir_wg_done(item->wg));
}

static void by_hand(void)
{
    weir_wg wg = WEIR_WG_INIT;
    atomic_int sum = 0;

    for (int i = 0; i < ITEMS; i++) {
        const struct item item = {&wg, i, &sum};

        must(weir_wg_add(&wg, 1));
        must(weir_go_copy(process_and_tell, &item, sizeof item));
    }
    must(weir_wg_wait(&wg, NULL));
    printf("by hand: %d\n", atomic_load(&sum));
}

static void process(void *arg)
{
    const struct item *item = arg;

    atomic_fetch_add(item->sum, item->id);
}

static void by_go(void)
{
    weir_wg wg = WEIR_WG_INIT;
    atomic_int sum = 0;
    struct item items[ITEMS];

    for (int i = 0; i < ITEMS; i++) {
        items[i] = (struct item){NULL, i, &sum};
        must(weir_wg_go(&wg, process, &items[i]));
    }
    must(weir_wg_wait(&wg, NULL));
    printf("by go: %d\n", atomic_load(&sum));
}

static void with_a_deadline(void)
{
    weir_wg wg = WEIR_WG_INIT;
    weir_ctx soon;

    must(weir_wg_add(&wg, 1)); /* nobody counts this one off yet */
    must(weir_ctx_init_timeout(&soon, NULL, WEIR_MILLISECOND));
    printf("with a deadline: %s\n", weir_errname(weir_wg_wait(&wg, &soon)));
    must(weir_ctx_fini(&soon));
    must(weir_wg_done(&wg));
    must(weir_wg_wait(&wg, NULL));
}

int main(void)
{
    by_hand();
    by_go();
    with_a_deadline();
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
