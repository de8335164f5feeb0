/* SPDX-License-Identifier: MIT */
/*
 * weir pub: lines, or texts that are given as options, into a topic.
 *
 *     reader --> backlog (bounded) --> publisher, in batches --> topic
 *
 * The publisher takes what is there, so that while the input pauses each line
 * is published as it comes, and while the topic is slow many lines share one
 * commit. Each message that was read ends in the account: published, failed,
 * refused by a topic that is full, or left.
 */
#include <inttypes.h>
#include <string.h>
#include <weir.h>
#include <weir/pub.h>

#include "input.h"
#include "progress.h"
#include "pub_settings.h"
#include "records.h"
#include "report.h"
#include "tool.h"
#include "topic.h"

enum { BATCH = 256 };

struct post {
    weir_event *event;
    uint64_t number; /* of the line                                         */
};

WEIR_CHAN(backlog, struct post);

struct pub {
    const struct pub_settings *settings;
    struct ledger ledger;
    struct stop stop;
    struct input input;
    struct records records;
    backlog *backlog;
    weir_pub *topic;
    uint64_t duplicates;
    bool full, broken; /* why no more is published                          */
    weir_wg reader;
};

/* ---- reading ------------------------------------------------------------- */

static void fail(struct pub *p, uint64_t number, const char *why)
{
    p->ledger.failed++;
    report("message %" PRIu64 " failed: %s", number, why);
}

/* Its event, or NULL: it has failed. */
static weir_event *make(struct pub *p, uint64_t number, const char *text,
                        size_t n)
{
    weir_event_opts o = p->settings->event;
    weir_event *event;
    if (p->settings->keyed) {
        const char *tab = memchr(text, '\t', n);
        if (!tab || tab == text) {
            fail(p, number, "no key: not KEY, a tab and a message (--keyed)");
            return NULL;
        }
        o.key = text;
        o.key_size = (size_t)(tab - text);
        n -= o.key_size + 1;
        text = tab + 1;
    }
    o.payload = text;
    o.size = n;
    if (weir_event_new(&event, &o))
        fail(p, number, "out of memory");
    return event;
}

static void offer(struct pub *p, uint64_t number, const char *text, size_t n)
{
    p->ledger.in++;
    struct post post = {make(p, number, text, n), number};
    if (post.event && backlog_send(p->backlog, post, &p->stop.begin)) {
        p->ledger.left++;
        weir_event_unref(post.event);
    }
}

/* False: that was the last. */
static bool read_one(struct pub *p, uint64_t number, struct bytes *record)
{
    record->len = 0;
    int got = records_next(&p->records, record, &p->stop.input);
    if (got == RECORDS_ONE) {
        offer(p, number, record->data, record->len);
    } else if (got == RECORDS_TOO_LONG || got == WEIR_ENOMEM) {
        p->ledger.in++;
        fail(p, number,
             got == WEIR_ENOMEM ? "out of memory"
                                : "it is too long (--max-record)");
    } else {
        return false;
    }
    return true;
}

static void read_lines(struct pub *p)
{
    struct bytes record = {NULL, 0, 0};
    uint64_t number = 1;
    while (!weir_ctx_err(&p->stop.input) && read_one(p, number, &record))
        number++;
    bytes_free(&record);
    p->ledger.bytes_in = p->input.read;
}

static void read_bodies(struct pub *p)
{
    const struct pub_settings *s = p->settings;
    for (int i = 0; i < s->body_count; i++) {
        p->ledger.bytes_in += strlen(s->bodies[i]);
        offer(p, (uint64_t)i + 1, s->bodies[i], strlen(s->bodies[i]));
    }
}

static void read_all(void *arg)
{
    struct pub *p = arg;
    if (p->settings->body_count > 0)
        read_bodies(p);
    else
        read_lines(p);
    backlog_close(p->backlog);
}

/* ---- publishing ---------------------------------------------------------- */

/* Why the front of what is still to be published cannot be. The one at fault
 * is entered; true: the others may go on. */
static bool judge(struct pub *p, const struct post *post, int code)
{
    if (code == WEIR_LIMIT) {
        fail(p, post->number, "it is too large for the topic");
        return true;
    }
    weir_ctx_cancel(&p->stop.begin, 0);
    if (weir_ctx_err(&p->stop.work)) {
        p->ledger.left++;
    } else if (code == WEIR_FULL) {
        p->full = true;
        p->ledger.dropped[DROP_REFUSED]++;
        report("the topic is full: ended, as on_full=error says");
    } else {
        p->broken = true;
        fail(p, post->number, weir_strerror(code));
    }
    return false;
}

/* What was published from the front on. */
static void account(struct pub *p, const weir_post *posts, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        p->duplicates += posts[i].duplicate;
        p->ledger.bytes_out += posts[i].event->size;
    }
    p->ledger.out += (uint64_t)n;
}

static void publish(struct pub *p, const struct post *from, weir_post *posts,
                    size_t n)
{
    bool going_on = !p->full && !p->broken;
    size_t at = 0;
    while (going_on && at < n) {
        ptrdiff_t done =
            weir_pub_publish_n(p->topic, posts + at, n - at, &p->stop.work);
        if (done > 0) {
            account(p, posts + at, done);
            at += (size_t)done;
        } else {
            going_on = judge(p, &from[at++], (int)done);
        }
    }
    p->ledger.left += n - at;
}

/* Its id, made in text; NULL: it gets none. */
static const char *identify(const struct pub_settings *s, uint64_t number,
                            char text[PUB_ID_MOST + 1])
{
    if (!s->id || s->body_count == 1)
        return s->id;
    snprintf(text, PUB_ID_MOST + 1, "%s-%" PRIu64, s->id, number);
    return text;
}

static void publish_all(struct pub *p)
{
    static struct post from[BATCH];
    static weir_post posts[BATCH];
    static char ids[BATCH][PUB_ID_MOST + 1];
    ptrdiff_t n;
    while ((n = backlog_recv_n(p->backlog, from, BATCH, NULL)) > 0) {
        for (ptrdiff_t i = 0; i < n; i++)
            posts[i] = (weir_post){
                .event = from[i].event,
                .id = identify(p->settings, from[i].number, ids[i])};
        publish(p, from, posts, (size_t)n);
        for (ptrdiff_t i = 0; i < n; i++)
            weir_event_unref(from[i].event);
    }
}

static int work(void *arg)
{
    struct pub *p = arg;
    int code = weir_wg_go(&p->reader, read_all, p);
    if (code)
        return code;
    publish_all(p);
    weir_wg_wait(&p->reader, NULL);
    weir_pub_close(p->topic, &p->stop.work);
    weir_pub_free(p->topic); /* waits, so not after the runtime's end */
    p->topic = NULL;
    if (p->duplicates > 0)
        snprintf(p->ledger.end, sizeof p->ledger.end,
                 "%" PRIu64 " were there already", p->duplicates);
    return 0;
}

static void show(void *arg, char *line, size_t n)
{
    const struct pub *p = arg;
    const struct ledger *l = &p->ledger;
    char eta[48];
    double seconds = ledger_seconds(l);
    progress_eta(eta, sizeof eta, p->records.given, p->input.total, seconds);
    snprintf(line, n,
             "weir pub: %" PRIu64 " messages %.1f/s failed %" PRIu64 "%s",
             (uint64_t)l->out, seconds > 0 ? (double)l->out / seconds : 0,
             (uint64_t)l->failed, eta);
}

static int status(const void *arg)
{
    const struct pub *p = arg;
    if (p->broken || p->ledger.failed > 0 || p->input.unreadable)
        return EXIT_FAILED;
    return p->full ? EXIT_DROPPED : EXIT_WELL;
}

static int prepare(void *arg)
{
    struct pub *p = arg;
    const struct pub_settings *s = p->settings;
    weir_why why = {""};
    int code = topic_check(s->url);
    if (code)
        return code;
    code = weir_pub_open(&p->topic, s->url, &why);
    if (code)
        return topic_failed(s->url, code, &why);
    input_init(&p->input, s->files, s->file_count);
    p->backlog = backlog_new(BATCH);
    return p->backlog &&
                   records_init(&p->records, &p->input, s->mark, s->max_record)
               ? 0
               : WEIR_ENOMEM;
}

static void release(void *arg)
{
    struct pub *p = arg;
    if (p->records.input)
        records_fini(&p->records);
    backlog_unref(p->backlog);
    weir_pub_free(p->topic);
}

int pub_main(int argc, char **argv)
{
    static struct pub_settings s;
    struct pub p = {.settings = &s};
    struct ledger *ledgers[] = {&p.ledger};
    report_name("weir pub");
    if (!pub_parse(argc, argv, &s)) {
        report("out of memory");
        return EXIT_FAILED;
    }
    ledger_init(&p.ledger, "pub", "records");
    int code = tool_run(&(struct tool_run){.settings = &s.run,
                                           .ledgers = ledgers,
                                           .count = 1,
                                           .stop = &p.stop,
                                           .arg = &p,
                                           .prepare = prepare,
                                           .work = work,
                                           .release = release,
                                           .status = status,
                                           .show = show});
    pub_settings_free(&s);
    return code;
}
