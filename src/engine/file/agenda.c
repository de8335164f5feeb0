/* SPDX-License-Identifier: MIT */
/*
 * Which topics a transaction has to look at, so that it costs by what it is
 * about, however many are open: those that were touched since the last one,
 * and those whose time has come.
 *
 * - A topic whose row, groups, lists or references may have changed is on the
 *   list `touched`. At the end of the transaction it is off it again, unless
 *   somebody who waits there may go on.
 * - Of a topic that is not on it, the agenda, a binary heap from place 1 on,
 *   has when somebody who waits there may go on without news, or when something
 *   may die. Topics have room in it from when they are made.
 */
#include "engine/file/file.h"

#include <stdlib.h>

/* ---- the heap ------------------------------------------------------------ */

static void place(struct db *db, size_t at, struct topic *t)
{
    db->agenda[at] = t;
    t->place = at;
}

/* Puts it at the place, or where it belongs above or below. */
static void sift(struct db *db, size_t at, struct topic *t)
{
    struct topic **a = db->agenda;
    for (; at > 1 && t->look_at < a[at / 2]->look_at; at /= 2)
        place(db, at, a[at / 2]);
    for (size_t low; (low = 2 * at) <= db->agenda_size; at = low) {
        if (low < db->agenda_size && a[low + 1]->look_at < a[low]->look_at)
            low++;
        if (a[low]->look_at >= t->look_at)
            break;
        place(db, at, a[low]);
    }
    place(db, at, t);
}

static void take_off(struct db *db, struct topic *t)
{
    const size_t at = t->place;
    if (!at)
        return;
    struct topic *last = db->agenda[db->agenda_size--];
    t->place = 0;
    if (last != t)
        sift(db, at, last);
}

static void put_on(struct db *db, struct topic *t, int64_t look_at)
{
    t->look_at = look_at;
    sift(db, t->place ? t->place : ++db->agenda_size, t);
}

int wr_file_agenda_reserve(struct db *db, size_t topics)
{
    if (topics < db->agenda_room)
        return 0;
    const size_t room = 2 * topics + 16;
    struct topic **a = wr_file_alloc(room * sizeof(struct topic *));
    if (!a)
        return WEIR_ENOMEM;
    if (db->agenda)
        memcpy(a, db->agenda, db->agenda_room * sizeof(struct topic *));
    free(db->agenda);
    db->agenda = a;
    db->agenda_room = room;
    return 0;
}

/* ---- what is to be looked at --------------------------------------------- */

void wr_file_touch(struct db *db, struct topic *t)
{
    if (t->touched)
        return;
    t->touched = true;
    t->next_touched = db->touched;
    db->touched = t;
}

void wr_file_agenda_due(struct db *db)
{
    const int64_t now = weir_now();
    while (db->agenda_size && db->agenda[1]->look_at <= now) {
        struct topic *t = db->agenda[1];
        take_off(db, t);
        t->news = true;
        wr_file_topic_news(t);
        wr_file_touch(db, t);
    }
}

static bool may_go(const struct topic *t)
{
    bool any = t->news && t->blocked.first;
    for (const struct group *g = t->groups; g && !any; g = g->next)
        any = (g->news && g->waiting.first) || (g->mortals && !g->dies_at);
    return any;
}

void wr_file_news_for_all(struct db *db)
{
    for (struct topic *t = NULL; (t = wr_file_next_topic(db, t)) != NULL;) {
        t->news = true;
        wr_file_topic_news(t);
        for (struct group *g = t->groups; g; g = g->next)
            g->dies_at = 0;
        if (may_go(t))
            wr_file_touch(db, t);
    }
}

bool wr_file_ready(const struct db *db, int64_t *at)
{
    *at = db->agenda_size ? db->agenda[1]->look_at : INT64_MAX;
    return db->touched || *at <= weir_now();
}

/* ---- the end of a transaction -------------------------------------------- */

/* On the wall clock. */
static int64_t wake_at(const struct topic *t)
{
    int64_t at = t->blocked.first ? t->wake_at : INT64_MAX;
    for (const struct group *g = t->groups; g; g = g->next) {
        if (g->waiting.first)
            at = sooner(at, g->wake_at);
        if (g->mortals)
            at = sooner(at, g->dies_at);
    }
    return at;
}

/* Times are the wall clock's, and waited for by the other one: should that be
 * set meanwhile, it is seen within an hour. */
static void plan(struct db *db, struct topic *t)
{
    const int64_t at = wake_at(t), most = 3600 * WEIR_SECOND;
    if (at == INT64_MAX)
        take_off(db, t);
    else
        put_on(db, t,
               db->uptime + (at < db->now ? 0 : sooner(at - db->now, most)));
}

void wr_file_plan(struct db *db)
{
    struct topic *t = db->touched, *next;
    db->touched = NULL;
    for (; t; t = next) {
        next = t->next_touched;
        t->touched = false;
        wr_file_groups_prune(t);
        if (!t->refs && !t->groups) {
            take_off(db, t);
            wr_file_topic_free(db, t);
        } else if (may_go(t)) {
            wr_file_touch(db, t);
        } else {
            plan(db, t);
        }
    }
}
