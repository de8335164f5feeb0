/* SPDX-License-Identifier: MIT */
/*
 * Load balancing: each worker has a short queue of its own, tasks are dealt
 * in turn to those that have room, and who finds none hears of it at once.
 * WEIR_BALANCE_BY_LOAD and WEIR_BALANCE_BY_KEY are the other two ways.
 */
#include "must.h"

enum { WORKERS = 3, ROOM = 2, TASKS = 8 };

WEIR_CHAN(tasks, int);

static void deal(weir_balance *b)
{
    for (int task = 1; task <= TASKS; task++) {
        int code = weir_balance_try_send(b, &task);

        if (code == WEIR_FULL)
            printf("Task %d: all workers are busy\n", task);
        else
            must(code);
    }
}

static void work(int worker, tasks *queue)
{
    int task;

    printf("Worker %d:", worker);
    while (tasks_recv(queue, &task, NULL) == 0)
        printf(" %d", task);
    puts("");
}

int main(void)
{
    const weir_balance_opts opts = {
        .by = WEIR_BALANCE_IN_TURN,
        .elem_size = sizeof(int),
    };
    weir_balance *b = made(weir_balance_new(&opts));
    tasks *queues[WORKERS];

    for (int i = 0; i < WORKERS; i++) {
        queues[i] = made(tasks_new(ROOM));
        must(weir_balance_add(b, tasks_base(queues[i]), (uint64_t)i + 1));
    }
    deal(b);
    weir_balance_free(b);
    for (int i = 0; i < WORKERS; i++) {
        must(tasks_close(queues[i]));
        work(i + 1, queues[i]);
        tasks_unref(queues[i]);
    }
    return printed();
}
