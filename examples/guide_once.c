/* SPDX-License-Identifier: MIT */
/*
 * Once: many tasks need the database and the cache; the first one sets them
 * up, and none goes on before that is done.
 */
#include <stdatomic.h>
#include "must.h"

enum { TASKS = 100 };

static weir_once once = WEIR_ONCE_INIT;
static bool database, cache;
static atomic_int ready;

static void set_up(void *unused)
{
    (void)unused;
    puts("setting up the database");
    must(weir_sleep(WEIR_MILLISECOND, NULL)); /* the others wait meanwhile */
    database = true;
    puts("setting up the cache");
    cache = true;
}

static void work(void *unused)
{
    (void)unused;
    must(weir_once_do(&once, set_up, NULL));
    atomic_fetch_add(&ready, database && cache);
}

int main(void)
{
    weir_wg tasks = WEIR_WG_INIT;

    printf("done before: %s\n", weir_once_done(&once) ? "yes" : "no");
    for (int i = 0; i < TASKS; i++)
        must(weir_wg_go(&tasks, work, NULL));
    must(weir_wg_wait(&tasks, NULL));
    printf("%d of %d tasks found both\n", atomic_load(&ready), TASKS);
    printf("done after: %s\n", weir_once_done(&once) ? "yes" : "no");

    must(weir_stop(WEIR_FOREVER));
    return printed();
}
