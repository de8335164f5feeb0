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
#include <stdlib.h>
#include <string.h>
#include <weir.h>
#include <weir/pub.h>

#include "input.h"
#include "progress.h"
#include "records.h"
#include "report.h"
#include "tool.h"
#include "topic.h"

/* ---- options ------------------------------------------------------------- */

enum { BATCH = 256, MAX_HEADERS = 100, ID_MOST = 255, NUMBER_MOST = 21 };

#define MAX_RECORD     (UINT64_C(1) << 40)
#define DEFAULT_RECORD (UINT64_C(64) << 20)

enum { KEY_KEYED = KEY_OWN, KEY_ID, KEY_MAX_RECORD };

static const struct argp_option pub_options[] = {
    {"key", 'k', "KEY", 0, "The messages' key", 1},
    {"keyed", KEY_KEYED, NULL, 0, "Each line is KEY, a tab, and the message",
     1},
    {"type", 't', "TYPE", 0, "The messages' type", 1},
    {"header", 'H', "NAME=VALUE", 0, "A header of the messages; repeatable", 1},
    {"body", 'm', "TEXT", 0,
     "A message; repeatable. Standard input is not read then", 2},
    {"id", KEY_ID, "ID", 0,
     "Identify the messages, so that none is stored twice: line N by ID-N, a "
     "single --body by ID",
     2},
    {"null", '0', NULL, 0, "Lines end in NUL, not in a newline", 3},
    {"max-record", KEY_MAX_RECORD, "SIZE", 0,
     "A longer line fails (default: 64M)", 3},
    {0},
};

static const struct option_form pub_forms[] = {
    {'k', "a key of at least one byte"},
    {'t', "a type"},
    {'H', "a name, =, and a value"},
    {'m', "a text"},
    {KEY_ID, "an id of 1 to 234 bytes"},
    {KEY_MAX_RECORD, "a size from 1 to 1T, such as 4096, 10k or 64M"},
    {0, NULL},
};

static const struct option_part part_pub = {pub_options, pub_forms};

struct pub_settings {
    const char *url;
    bool keyed;
    weir_event_opts event; /* what all messages have                        */
    weir_event_header headers[MAX_HEADERS];
    const char *id;
    char mark;
    uint64_t max_record;
    const char **bodies;
    int body_count;
    char **files;
    int file_count;
    struct run_settings run;
};

static void add_header(const struct option_set *set, struct pub_settings *s,
                       const char *value)
{
    char *equals = strchr(value, '=');
    if (!equals || equals == value)
        options_bad(set, 'H', value);
    if (s->event.header_count == MAX_HEADERS)
        options_fail(set, "more than %d headers", MAX_HEADERS);
    *equals = '\0'; /* the words of a command line may be written */
    s->headers[s->event.header_count++] =
        (weir_event_header){.name = value, .value = equals + 1};
}

static void take_text(const struct option_set *set, int key, const char *value,
                      struct pub_settings *s)
{
    if (key == 'k') {
        s->event.key = value;
        s->event.key_size = strlen(value);
    } else if (key == 't') {
        s->event.type = value;
    } else {
        s->id = value;
    }
    if (value[0] == '\0' ||
        (key == KEY_ID && strlen(value) + NUMBER_MOST > ID_MOST))
        options_bad(set, key, value);
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct pub_settings *s = into;
    if (run_take(set, key, value, &s->run))
        return;
    switch (key) {
    case 'k':
    case 't':
    case KEY_ID:
        take_text(set, key, value, s);
        break;
    case KEY_KEYED:
        s->keyed = true;
        break;
    case 'H':
        add_header(set, s, value);
        break;
    case 'm':
        s->bodies[s->body_count++] = value;
        break;
    case '0':
        s->mark = '\0';
        break;
    case KEY_MAX_RECORD:
        s->max_record = options_size(set, key, value, 1, MAX_RECORD);
        break;
    default:
        if (s->url)
            s->files[s->file_count++] = (char *)(uintptr_t)value;
        else
            s->url = value;
    }
}

static const struct option_set pub_set = {
    .name = "weir pub",
    .parts = {&part_pub, &part_run},
    .args = "URL [FILE...]",
    .doc = "Publishes each line of the FILEs or of standard input to the "
           "topic at URL, such as file:PATH.\vExit status: 0 all well, 1 "
           "usage, 3 the topic was full (on_full=error), or messages left "
           "(with --strict), 4 publishing or reading failed, 128 + N ended by "
           "signal N. weir-pub(1) says more.",
    .take = take,
};

static void check(const struct pub_settings *s)
{
    if (!s->url)
        options_fail(&pub_set, "no topic: weir pub [OPTION...] %s",
                     pub_set.args);
    if (s->keyed && s->event.key)
        options_fail(&pub_set, "options --key and --keyed: one of them");
    if (s->body_count > 0 && s->file_count > 0)
        options_fail(&pub_set, "option --body and %s: one of them",
                     s->files[0]);
}

/* ---- the run ------------------------------------------------------------- */

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
                            char text[ID_MOST + 1])
{
    if (!s->id || s->body_count == 1)
        return s->id;
    snprintf(text, ID_MOST + 1, "%s-%" PRIu64, s->id, number);
    return text;
}

static void publish_all(struct pub *p)
{
    static struct post from[BATCH];
    static weir_post posts[BATCH];
    static char ids[BATCH][ID_MOST + 1];
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
    static struct pub_settings s = {
        .mark = '\n',
        .max_record = DEFAULT_RECORD,
        .run = {.grace = DEFAULT_GRACE},
    };
    struct pub p = {.settings = &s};
    struct ledger *ledgers[] = {&p.ledger};
    report_name("weir pub");
    s.event.headers = s.headers;
    s.bodies = calloc((size_t)argc, sizeof *s.bodies);
    s.files = calloc((size_t)argc, sizeof *s.files);
    if (!s.bodies || !s.files) {
        report("out of memory");
        return EXIT_FAILED;
    }
    options_parse(&pub_set, argc, argv, &s);
    check(&s);
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
    free(s.bodies);
    free(s.files);
    return code;
}
