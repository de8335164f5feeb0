/* SPDX-License-Identifier: MIT */
/*
 * weir-bench ROW OPS runs one row: a round to warm up, then the same round
 * again for the figure, printed as "ROW NANOSECONDS-AN-OPERATION". A process
 * serves one row, so that none inherits the state that another one left.
 * The number of workers comes from $WEIR_WORKERS. `bench/run` drives it.
 */
#include "bench.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct row *const families[] = {
    task_rows,    park_rows, chan_rows,  buffer_rows, flow_rows,  select_rows,
    program_rows, sync_rows, timer_rows, pub_rows,    event_rows,
#if defined(WEIR_FILE)
    file_rows,
#endif
};
enum { FAMILIES = sizeof families / sizeof families[0] };

struct job {
    const struct row *row;
    int64_t ops;
};

static const char *row_name = "";

int64_t bench_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void bench_report(const char *name, double value)
{
    printf("%s %.3f\n", name, value);
}

void bench_fail(const char *what, int64_t got, int64_t want)
{
    fprintf(stderr, "weir-bench: %s: %s: %" PRId64 " instead of %" PRId64 "\n",
            row_name, what, got, want);
    exit(EXIT_FAILURE);
}

static int run_row(void *arg)
{
    const struct job *job = arg;
    const struct row *row = job->row;
    row->run(row, job->ops);
    if (row->kind == REPORTS)
        return 0;
    int64_t start = bench_clock();
    row->run(row, job->ops);
    int64_t end = bench_clock();
    bench_report(row->name, (double)(end - start) / (double)job->ops);
    return 0;
}

static const struct row *find_row(const char *name)
{
    for (int f = 0; f < FAMILIES; f++)
        for (const struct row *r = families[f]; r->name != NULL; r++)
            if (strcmp(r->name, name) == 0)
                return r;
    return NULL;
}

int main(int argc, char **argv)
{
    struct job job = {argc == 3 ? find_row(argv[1]) : NULL, 0};
    if (job.row != NULL)
        job.ops = strtoll(argv[2], NULL, 10);
    if (job.ops <= 0) {
        fprintf(stderr, "usage: weir-bench ROW OPS (see bench/rows)\n");
        return 2;
    }
    row_name = job.row->name;
    if (job.row->kind == FROM_THREAD)
        return run_row(&job);
    must(weir_run(run_row, &job));
    return 0;
}
