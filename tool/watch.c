/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { EVENTS_SIZE = 16 * 1024 };

static const uint32_t file_mask =
    IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;

/* A change of its entry's attributes may let it be read. */
static const uint32_t directory_mask = IN_ONLYDIR | IN_CREATE | IN_ATTRIB |
                                       IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                       IN_MOVE_SELF | IN_DELETE_SELF;

/* ---- what happens -------------------------------------------------------- */

static bool concerns(const struct watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW)
        return true;
    if (w->wd != e->wd || !w->entry || e->len == 0)
        return w->wd == e->wd;
    return strlen(e->name) == w->entry_length &&
           memcmp(w->entry, e->name, w->entry_length) == 0;
}

static void tell(struct watches *w, const struct inotify_event *e)
{
    const char poke = 1;
    weir_mutex_lock(&w->lock, NULL);
    for (struct watch *one = w->first; one; one = one->next)
        if (concerns(one, e))
            weir_chan_try_send(one->poke, &poke);
    weir_mutex_unlock(&w->lock);
}

static void read_events(void *arg)
{
    struct watches *w = arg;
    _Alignas(struct inotify_event) char data[EVENTS_SIZE];
    ssize_t n;
    while ((n = weir_read(w->fd, data, sizeof data, &w->end)) > 0) {
        const struct inotify_event *e;
        for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof *e + e->len)) {
            e = (const struct inotify_event *)(const void *)(data + at);
            tell(w, e);
        }
    }
}

int watches_start(struct watches *w)
{
    *w = (struct watches){.lock = WEIR_MUTEX_INIT};
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0)
        return -errno;
    weir_ctx_init(&w->end, NULL);
    int code = weir_wg_go(&w->reader, read_events, w);
    if (code)
        watches_finish(w);
    return code;
}

void watches_finish(struct watches *w)
{
    weir_ctx_cancel(&w->end, 0);
    weir_wg_wait(&w->reader, NULL);
    weir_ctx_fini(&w->end);
    weir_close(w->fd);
}

/* ---- places -------------------------------------------------------------- */

/* Takes w off the list; the kernel's watch goes with the last that has it. */
static void detach(struct watch *w)
{
    struct watches *all = w->among;
    bool shared = false;
    struct watch **at = &all->first;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    for (const struct watch *one = all->first; one; one = one->next)
        shared = shared || one->wd == w->wd;
    if (!shared)
        inotify_rm_watch(all->fd, w->wd);
    w->wd = -1;
}

/* The old watch goes after the new one stands: of one place they are one. */
static int set(struct watch *w, const char *path, uint32_t mask)
{
    struct watches *all = w->among;
    weir_mutex_lock(&all->lock, NULL);
    int wd = inotify_add_watch(all->fd, path, mask);
    int code = wd < 0 ? -errno : 0;
    if (wd != w->wd) {
        if (w->wd >= 0)
            detach(w);
        if (wd >= 0) {
            w->wd = wd;
            w->next = all->first;
            all->first = w;
        }
    }
    weir_mutex_unlock(&all->lock);
    return code;
}

int watch_file(struct watch *w, const char *path)
{
    return set(w, path, file_mask);
}

int watch_entry(struct watch *w, const char *path, const char *entry,
                size_t length)
{
    weir_mutex_lock(&w->among->lock, NULL);
    w->entry = entry;
    w->entry_length = length;
    weir_mutex_unlock(&w->among->lock);
    return set(w, path, directory_mask);
}

void watch_clear(struct watch *w)
{
    weir_mutex_lock(&w->among->lock, NULL);
    if (w->wd >= 0)
        detach(w);
    weir_mutex_unlock(&w->among->lock);
}
