/* SPDX-License-Identifier: MIT */
/*
 * Topics by name. A topic lives as long as the registry or a handle has a
 * reference to it; what was removed from the registry is closed, and empty.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "event/mem_topic.h"

static weir_mutex lock = WEIR_MUTEX_INIT;
static struct wr_mem_table topics; /* under lock */

static struct wr_mem_topic *topic_new(const char *name)
{
    const size_t size = strlen(name);
    struct wr_mem_topic *t = wr_alloc(sizeof(*t) + size + 1);
    if (!t)
        return NULL;
    memcpy(t->name, name, size + 1);
    wr_mem_entry_init(&t->entry, t->name, size);
    wr_mem_log_init(&t->log);
    t->limits.max_bytes = WR_MEM_MAX_BYTES;
    t->limits.max_messages = WR_MEM_MAX_MESSAGES;
    return t;
}

static struct wr_mem_topic *find(const char *name)
{
    struct wr_mem_entry like;
    wr_mem_entry_init(&like, name, strlen(name));
    return (struct wr_mem_topic *)wr_mem_find(&topics, &like);
}

/* Locked. */
static int find_or_make(struct wr_mem_topic **out, const char *name, bool make)
{
    struct wr_mem_topic *t = find(name);
    if (!t && !make)
        return -ENOENT;
    if (!t) {
        t = topic_new(name);
        if (!t)
            return WEIR_ENOMEM;
        t->refs = 1;
        wr_mem_add(&topics, &t->entry);
    }
    __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
    *out = t;
    return 0;
}

int wr_mem_topic_get(struct wr_mem_topic **t, const char *name, bool make)
{
    int err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    err = find_or_make(t, name, make);
    weir_mutex_unlock(&lock);
    return err;
}

static void free_spare(struct wr_mem_topic *t)
{
    struct wr_mem_row *next;
    for (; t->spare; t->spare = next) {
        next = t->spare->next;
        wr_free(t->spare);
    }
    t->spare_count = 0;
}

void wr_mem_topic_put(struct wr_mem_topic *t)
{
    if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
        return;
    wr_mem_ids_free(&t->ids);
    wr_mem_log_free(&t->log);
    free_spare(t);
    wr_free(t);
}

/* Ends a topic that nobody finds any more. */
static int topic_end(struct wr_mem_topic *t)
{
    const int err = wr_mem_enter(t);
    if (err)
        return err;
    t->removed = true;
    while (t->groups)
        wr_mem_group_remove(t->groups);
    wr_mem_wake_all(t, &t->room, NULL);
    wr_mem_log_clear(&t->log);
    wr_mem_ids_free(&t->ids);
    free_spare(t);
    wr_mem_leave(t);
    return 0;
}

int wr_mem_topic_remove(const char *name)
{
    int err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    struct wr_mem_topic *t = find(name);
    if (t)
        wr_mem_remove(&topics, &t->entry);
    weir_mutex_unlock(&lock);
    if (!t)
        return -ENOENT;
    err = topic_end(t);
    wr_mem_topic_put(t);
    return err;
}
