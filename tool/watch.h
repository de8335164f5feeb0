/* SPDX-License-Identifier: MIT */
/*
 * Places in the file system that are looked at: files and directories, all of
 * a run through one inotify instance, since a user may have only a few of
 * them. What happens at a place pokes who looks there: a channel with room
 * for one poke, so that many changes are one.
 */
#ifndef WEIR_TOOL_WATCH_H
#define WEIR_TOOL_WATCH_H

#include <stdint.h>
#include <weir.h>

struct watches {
    int fd;
    weir_mutex lock;
    struct watch *first; /* those that are set; under the lock              */
    weir_ctx end;
    weir_wg reader;
};

/* All zero with fd and wd -1 looks at nothing. */
struct watch {
    struct watches *among;
    weir_chan *poke;     /* char, capacity 1                                */
    const char *entry;   /* of a directory: its name; else NULL             */
    size_t entry_length; /* it needs no NUL behind it                       */
    int wd;
    struct watch *next;
};

/* 0, or a negated errno: -EMFILE is the limit of instances. */
int watches_start(struct watches *w);

/* Every watch is clear. */
void watches_finish(struct watches *w);

/* Looks at a file, or at an entry of a directory and the directory itself,
 * and no longer where it looked before. 0, or a negated errno, after which it
 * looks at nothing: -ENOSPC is the limit of watches. May wait for a disk. */
int watch_file(struct watch *w, const char *path);
int watch_entry(struct watch *w, const char *path, const char *entry,
                size_t length);

void watch_clear(struct watch *w);

#endif
