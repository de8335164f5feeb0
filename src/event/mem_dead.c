/* SPDX-License-Identifier: MIT */
/*
 * Dead letters. A letter has the type, the key, the time and the headers of
 * the event, five headers more, and its payload without a copy.
 *
 * No party has two topics locked, so this goes in steps: the row is DYING,
 * which keeps it from everybody else; the letter is stored in the other topic;
 * the row is removed. A limit may take the message in between: then it has
 * been made dead in time, and only if that failed it is lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "event/mem_topic.h"

enum { MORE = 5, DIGITS = 24 };

static void end_payload(void *payload, void *event)
{
    weir_event_unref(event);
    (void)payload;
}

static int make_letter(weir_event **out, weir_event *e,
                       weir_event_header *headers)
{
    weir_event_opts o = {
        .type = e->type,
        .key = e->key,
        .key_size = e->key_size,
        .time = e->time,
        .headers = headers,
        .header_count = e->header_count + MORE,
        .payload = e->payload,
        .size = e->size,
        .destroy = end_payload,
        .arg = e,
    };
    return weir_event_new(out, &o);
}

/* Puts the letter in the place of the event that the row has. */
static int address(struct wr_mem_row *r, const struct wr_mem_sub *s,
                   const char *reason)
{
    weir_event *e = r->letter;
    char seq[DIGITS], deliveries[DIGITS];
    weir_event_header *headers =
        wr_alloc((e->header_count + MORE) * sizeof(*headers));
    if (!headers)
        return WEIR_ENOMEM;
    snprintf(seq, sizeof(seq), "%" PRIu64, r->seq);
    snprintf(deliveries, sizeof(deliveries), "%" PRIu32, r->deliveries);
    const weir_event_header more[MORE] = {
        {"weir-dead-topic", s->topic->name},
        {"weir-dead-group", s->group->name},
        {"weir-dead-seq", seq},
        {"weir-dead-deliveries", deliveries},
        {"weir-dead-reason", reason},
    };
    if (e->header_count)
        memcpy(headers, e->headers, e->header_count * sizeof(*headers));
    memcpy(headers + e->header_count, more, sizeof(more));
    weir_event *letter;
    const int err = make_letter(&letter, e, headers);
    if (!err)
        r->letter = letter;
    wr_free(headers);
    return err;
}

static int send(const char *name, struct wr_mem_row *dying)
{
    struct wr_mem_topic *t;
    int err;
    do {
        err = wr_mem_topic_get(&t, name, true);
        if (err)
            return err;
        err = wr_mem_publish_letters(t, dying);
        wr_mem_topic_put(t);
    } while (err == WEIR_CLOSED); /* removed in between: there is a new one */
    return err;
}

/* Locked. Removes the rows that are dead; takes those that are gone off the
 * list. */
static void finish(struct wr_mem_group *g, struct wr_mem_row **at, bool dead)
{
    while (*at) {
        struct wr_mem_row *r = *at;
        if (!dead && !r->gone) {
            at = &r->dying;
            continue;
        }
        *at = r->dying;
        if (!r->gone)
            wr_mem_row_remove(g, r);
        wr_mem_row_free(g->topic, r);
        if (dead)
            g->dead++;
        else
            wr_mem_group_lose(g);
    }
}

int wr_mem_bury(struct wr_mem_sub *s, struct wr_mem_row **dying,
                const char *reason)
{
    const struct wr_mem_log *l = &s->topic->log;
    int err = 0;
    for (struct wr_mem_row *r = *dying; r; r = r->dying)
        r->letter = weir_event_ref(wr_mem_log_at(l, r->seq)->event);
    wr_mem_leave(s->topic);
    for (struct wr_mem_row *r = *dying; r && !err; r = r->dying)
        err = address(r, s, reason);
    if (!err)
        err = send(s->graveyard, *dying);
    for (struct wr_mem_row *r = *dying; r; r = r->dying) {
        weir_event_unref(r->letter); /* NULL: it was stored */
        r->letter = NULL;
    }
    (void)wr_mem_enter(s->topic);
    finish(s->group, dying, !err);
    return err;
}
