/* SPDX-License-Identifier: MIT */
/* Task-local values: a short list on the task, or on the thread. */
#include <pthread.h>
#include "base/misuse.h"
#include "base/mem.h"
#include "sched/task.h"
#include "sched/worker.h"

static __thread struct wr_local *thread_locals;
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;

enum { ROUNDS = 4 }; /* destructors may set values anew, as pthreads has it */

static struct wr_local *end_round(struct wr_local *l)
{
    while (l) {
        struct wr_local *next = l->next;
        if (l->value && l->key->destroy)
            l->key->destroy(l->value);
        wr_free(l);
        l = next;
    }
    return NULL;
}

void wr_locals_end(struct wr_local **list)
{
    for (int i = 0; i < ROUNDS && *list; i++) {
        struct wr_local *l = *list;
        *list = NULL;
        end_round(l);
    }
}

static void thread_end(void *list)
{
    wr_locals_end(list);
}

static void end_key_make(void)
{
    pthread_key_create(&end_key, thread_end);
}

static WR_NOINLINE struct wr_local **locals_here(void)
{
    struct wr_task *t = wr_task_self();
    return t ? &t->locals : &thread_locals;
}

static struct wr_local *find(struct wr_local *l, const weir_local *key)
{
    while (l && l->key != key)
        l = l->next;
    return l;
}

void *weir_local_get(const weir_local *key)
{
    struct wr_local *l = find(*locals_here(), key);
    return l ? l->value : NULL;
}

int weir_local_set(const weir_local *key, void *value)
{
    if (!key)
        return WR_MISUSE("no key");
    struct wr_local **list = locals_here();
    struct wr_local *l = find(*list, key);
    if (!l && !value)
        return 0;
    if (!l) {
        if (!(l = wr_alloc(sizeof(*l))))
            return WEIR_ENOMEM;
        *l = (struct wr_local){*list, key, NULL};
        *list = l;
    }
    l->value = value;
    if (list == &thread_locals) {
        pthread_once(&end_once, end_key_make);
        pthread_setspecific(end_key, list);
    }
    return 0;
}
