/* SPDX-License-Identifier: MIT */
/*
 * Starting tasks: a function on its own, one with an argument that it shares
 * with its starter, and one whose arguments are copied to it, so that the
 * starter's may go. Each says over a channel that it is done.
 */
#include "must.h"

WEIR_CHAN(signals, char);

struct event {
    const char *type, *data;
    signals *done;
};

static signals *background;

static void work_in_background(void *unused)
{
    (void)unused;
    puts("background work");
    must(signals_send(background, 0, NULL));
}

static void process(void *event)
{
    const struct event *e = event;

    printf("event %s: %s\n", e->type, e->data);
    must(signals_send(e->done, 0, NULL));
}

/* Returns at once: the task has a copy of the three arguments. */
static void start(const char *type, const char *data, signals *done)
{
    const struct event e = {type, data, done};

    must(weir_go_copy(process, &e, sizeof e));
}

int main(void)
{
    signals *done = background = made(signals_new(0));
    struct event shared = {"shared", "stays until the task is done", done};
    const weir_task_opts opts = {.name = "parser", .stack_size = 256 << 10};

    must(weir_go(work_in_background, NULL));
    must(signals_recv(done, NULL, NULL));

    must(weir_go(process, &shared));
    must(signals_recv(done, NULL, NULL));

    start("copied", "the starter has returned", done);
    must(signals_recv(done, NULL, NULL));

    shared = (struct event){"large", "a name and a stack of its own", done};
    must(weir_go_with(&opts, process, &shared));
    must(signals_recv(done, NULL, NULL));

    must(weir_stop(WEIR_FOREVER));
    signals_unref(done);
    return printed();
}
