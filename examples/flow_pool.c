/* SPDX-License-Identifier: MIT */
/*
 * The worker pool that the library has: jobs are submitted, three workers do
 * them, results come in the order of the jobs, and at the end every job is
 * accounted for.
 */
#include <inttypes.h>
#include "must.h"

enum { JOBS = 10 };

WEIR_CHAN(numbers, int);

static int twice(void *job, void *result, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    *(int *)result = *(int *)job * 2;
    return 0;
}

static void submit(weir_pool *pool)
{
    for (int i = 0; i < JOBS; i++)
        must(weir_pool_submit(pool, &i, NULL));
    must(weir_pool_close(pool, WEIR_POOL_DRAIN));
    if (weir_pool_try_submit(pool, &(int){JOBS}) == WEIR_CLOSED)
        puts("The pool takes no more jobs");
}

static void account_for(weir_pool *pool)
{
    weir_pool_counts n;

    must(weir_pool_get_counts(pool, &n));
    printf("Jobs: %" PRIu64 " = %" PRIu64 " done + %" PRIu64
           " failed + %" PRIu64 " discarded\n",
           n.submitted, n.done, n.failed, n.discarded);
}

int main(void)
{
    numbers *results = made(numbers_new(JOBS));
    const weir_pool_opts opts = {
        .fn = twice,
        .job_size = sizeof(int),
        .capacity = 5,
        .workers = 3,
        .results = numbers_base(results),
        .ordered = true,
    };
    weir_pool *pool;
    int result;

    must(weir_pool_start(&pool, &opts));
    submit(pool);
    while (numbers_recv(results, &result, NULL) == 0)
        printf("Result: %d\n", result);
    must(weir_pool_join(pool));
    account_for(pool);

    must(weir_pool_free(pool));
    must(weir_stop(WEIR_FOREVER));
    numbers_unref(results);
    return printed();
}
