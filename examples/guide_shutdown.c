/* SPDX-License-Identifier: MIT */
/*
 * Graceful shutdown: a server that takes requests, and workers behind it. On
 * SIGTERM, which the program sends to itself here, the server takes no more;
 * what it took is worked on to its end, before a deadline; and what became of
 * each part is said. service.c is a whole program of this kind.
 */
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#include "must.h"

enum { ENOUGH = 100 };

struct server {
    weir_ctx *until; /* ends when the shutdown begins */
    weir_pool *workers;
    weir_wg running;
    int taken;
};

static atomic_int done;

static int work(void *request, void *result, weir_ctx *ctx, void *arg)
{
    (void)request, (void)result, (void)ctx, (void)arg;
    atomic_fetch_add(&done, 1);
    return 0;
}

/* Takes requests until it is told to stop. */
static void serve(void *arg)
{
    struct server *s = arg;

    while (weir_pool_submit(s->workers, &s->taken, s->until) == 0) {
        if (++s->taken == ENOUGH)
            kill(getpid(), SIGTERM);
        if (weir_ctx_err(s->until) != 0)
            break;
        weir_yield();
    }
}

static int drain_server(void *arg, weir_ctx *ctx)
{
    return weir_wg_wait(&((struct server *)arg)->running, ctx);
}

static void report(weir_shutdown *all)
{
    weir_shutdown_report r;

    for (size_t i = 0; weir_shutdown_get_report(all, i, &r) == 0; i++)
        printf("%s: %s, %s\n", r.name, r.in_time ? "in time" : "too late",
               r.left ? "something is left" : "nothing is left");
}

int main(void)
{
    struct server s = {.running = WEIR_WG_INIT};
    const weir_shutdown_part server = {
        .name = "server", .arg = &s, .drain = drain_server};
    weir_shutdown *all;

    must(weir_shutdown_new(&all,
                           &(weir_shutdown_opts){.deadline = WEIR_MINUTE}));
    must(weir_pool_start(
        &s.workers,
        &(weir_pool_opts){.fn = work, .job_size = sizeof(int), .workers = 5}));
    s.until = weir_shutdown_ctx(all);
    must(weir_shutdown_add(all, &server));
    must(weir_shutdown_add_pool(all, "workers", s.workers));
    must(weir_wg_go(&s.running, serve, &s));

    puts(must(weir_shutdown_wait(all, NULL)) == 0 ? "stopped" : "");
    printf("by %s\n", weir_shutdown_signal(all) == SIGTERM ? "SIGTERM" : "?");
    report(all);
    puts(s.taken >= ENOUGH && atomic_load(&done) == s.taken
             ? "all that was taken is done"
             : "requests were lost");

    must(weir_shutdown_free(all));
    must(weir_pool_free(s.workers));
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
