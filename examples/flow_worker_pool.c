/* SPDX-License-Identifier: MIT */
/*
 * A worker pool of nothing but channels: a short queue of jobs holds the
 * submitter back, workers take what comes next. weir/pool.h has such a pool
 * ready-made; flow_pool.c shows it.
 */
#include "must.h"

enum { WORKERS = 3, JOBS = 10 };

WEIR_CHAN(numbers, int);

struct worker {
    int id;
    numbers *jobs, *results;
};

static void work(void *arg)
{
    const struct worker *w = arg;
    int job;

    while (numbers_recv(w->jobs, &job, NULL) == 0) {
        must(numbers_send(w->results, job * 2, NULL));
        printf("Worker %d processed job %d -> %d\n", w->id, job, job * 2);
    }
}

static void submit(void *jobs)
{
    for (int i = 0; i < JOBS; i++) {
        printf("Submitting job %d\n", i);
        must(numbers_send(jobs, i, NULL));
    }
    must(numbers_close(jobs));
}

int main(void)
{
    numbers *jobs = made(numbers_new(5));
    numbers *results = made(numbers_new(JOBS));
    struct worker workers[WORKERS];
    weir_wg all = WEIR_WG_INIT;
    int result;

    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){i, jobs, results};
        must(weir_wg_go(&all, work, &workers[i]));
    }
    must(weir_wg_go(&all, submit, jobs));
    for (int i = 0; i < JOBS; i++) {
        must(numbers_recv(results, &result, NULL));
        printf("Result: %d\n", result);
    }
    must(weir_wg_wait(&all, NULL));
    puts("All jobs completed");

    must(weir_stop(WEIR_FOREVER));
    numbers_unref(jobs);
    numbers_unref(results);
    return printed();
}
