/* SPDX-License-Identifier: MIT */
/*
 * What an earlier cache has left. Of two files of one key the later one counts;
 * what is not complete is removed, as nobody will go on with it. Removing is
 * done after the listing, with all that is to go.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <weir/time.h>
#include "base/mem.h"
#include "stream/cache.h"
#include "stream/names.h"

struct loading {
    weir_stream_cache *c;
    struct wr_names gone;
    int64_t now, clock; /* weir_now, and ns since 1970 */
};

static int ask(weir_fs *fs, const char *name, weir_file_info *info)
{
    weir_file *f;
    int err = fs->ops->open(fs, name, &f);
    if (err)
        return err;
    err = f->ops->info ? f->ops->info(f, info) : WEIR_UNSUPPORTED;
    f->ops->close(f);
    return !err && info->length < 0 ? WEIR_UNSUPPORTED : err;
}

/* An entry gives way to a later one. */
static int displace(struct loading *l, struct wr_entry *e)
{
    char name[WR_CACHE_NAME];
    int err = wr_cache_name(e->key, e->number, name);
    if (!err)
        err = wr_names_add(&l->gone, name);
    if (err)
        return err;
    wr_cache_take_out(l->c, e);
    wr_free(e);
    return 0;
}

static int take_over(struct loading *l, const char *key, uint64_t number,
                     const weir_file_info *info)
{
    struct wr_entry *e = wr_cache_add(l->c, key, number);
    if (!e)
        return WEIR_ENOMEM;
    const int64_t age = l->clock > info->changed ? l->clock - info->changed : 0;
    e->used_at = e->born_at = l->now - age;
    wr_cache_measure(l->c, e, info->length);
    return 0;
}

/* One name. What cannot be asked, be it too many open files, ends it all. */
static int look(const char *name, void *arg)
{
    struct loading *l = arg;
    char key[WR_CACHE_NAME];
    uint64_t number;
    weir_file_info info;
    if (!wr_cache_parse(name, key, &number))
        return 0;
    if (l->c->last_number < number)
        l->c->last_number = number;
    int err = ask(l->c->fs, name, &info);
    if (err == -ENOENT)
        return 0;
    if (err && err != WEIR_CORRUPT && err != WEIR_INCOMPLETE)
        return err;
    struct wr_entry *e = wr_cache_find(l->c, key);
    if (err || !info.complete || (e && e->number > number))
        return wr_names_add(&l->gone, name);
    err = e ? displace(l, e) : 0;
    return err ? err : take_over(l, key, number, &info);
}

static int discard(const char *name, void *arg)
{
    weir_fs *fs = arg;
    int err = fs->ops->remove(fs, name);
    return err == -ENOENT ? 0 : err;
}

/* ---- by age -------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
    const struct wr_entry *const *x = a, *const *y = b;
    return ((*x)->born_at > (*y)->born_at) - ((*x)->born_at < (*y)->born_at);
}

static size_t gather(const weir_stream_cache *c, struct wr_entry **all)
{
    size_t n = 0;
    for (size_t i = 0; i < c->room; i++)
        for (struct wr_entry *e = c->table[i]; e; e = e->next)
            all[n++] = e;
    return n;
}

static int put_in_order(weir_stream_cache *c)
{
    struct wr_entry **all = wr_alloc(c->counts.streams * sizeof *all);
    if (!all)
        return WEIR_ENOMEM;
    const size_t n = gather(c, all);
    qsort(all, n, sizeof *all, by_age);
    for (size_t i = 0; i < n; i++) {
        wr_cache_unlink(&all[i]->used);
        wr_cache_unlink(&all[i]->born);
        wr_cache_link(&c->used, &all[i]->used);
        wr_cache_link(&c->born, &all[i]->born);
    }
    wr_free(all);
    return 0;
}

int wr_cache_load(weir_stream_cache *c)
{
    struct timespec clock;
    struct loading l = {.c = c, .now = weir_now()};
    if (!c->fs->ops->list)
        return 0;
    if (!c->fs->ops->reopen)
        return WEIR_UNSUPPORTED;
    clock_gettime(CLOCK_REALTIME, &clock);
    l.clock = clock.tv_sec * WEIR_SECOND + clock.tv_nsec;
    int err = c->fs->ops->list(c->fs, look, &l);
    int discarding = wr_names_tell(&l.gone, err ? NULL : discard, c->fs);
    err = err ? err : discarding;
    return err ? err : put_in_order(c);
}
