/* SPDX-License-Identifier: MIT */
/*
 * A whole service: it reads events from a socket, publishes them, handles
 * them by type with a number of workers, and on SIGTERM ends in order with
 * nothing lost.
 *
 *     service SOCKET [URL]
 *
 *   clients -> connections -> topic -> workers -> handlers by type
 *           <- "ok"        (URL)                -> dead letters
 *
 * A client sends lines, `TYPE ID TEXT`, and gets a line for each: `ok ID` when
 * the topic has the event, `error ID REASON` otherwise. An ID is stored once,
 * so what was not answered may be sent again. With a URL of mem: the topic
 * lives as long as the service; with file:PATH it survives it, and what was
 * not handled is handled by the next one. Nothing else differs.
 *
 * The end: no more connections and nothing more is read; what was read is
 * published and answered; the workers empty the topic; then all is closed. A
 * deadline or a second signal cuts that short: what a file: has then stays in
 * it, what a mem: has is lost, and said.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <weir/consumer.h>
#include <weir/handlers.h>
#include "must.h"

enum {
    WORKERS = 8,
    TRIES = 5,    /* of an event that fails, before it is a dead letter */
    BATCH = 64,   /* events that are published at once */
    LINE = 1024,  /* bytes of an event's line */
    ANSWER = 64,  /* bytes of an answer, but for the ID */
    BACKLOG = 64, /* connections that wait to be accepted */
};

struct service {
    weir_shutdown *shutdown;
    weir_ctx *reading; /* ends when the shutdown begins */
    weir_ctx working;  /* ends when it is cut short */
    weir_pub *pub;
    weir_sub *sub;
    weir_handlers *handlers;
    weir_consumer *workers;
    weir_wg connections; /* and who accepts them */
    int listener;
};

/* ---- handling ------------------------------------------------------------ */

static int handle(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    printf("%s %.*s\n", e->type, (int)e->size, (const char *)e->payload);
    return 0;
}

/* Nobody will ever know what to do with it. */
static int handle_unknown(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    fprintf(stderr, "no handler for %s\n", e->type);
    return WEIR_TERM;
}

static void start_workers(struct service *s)
{
    must(weir_handlers_new(&s->handlers,
                           &(weir_handlers_opts){.otherwise = handle_unknown}));
    must(weir_handlers_on(s->handlers, "created", handle, s));
    must(weir_handlers_on(s->handlers, "updated", handle, s));
    must(weir_consumer_start(
        &s->workers,
        &(weir_consumer_opts){.sub = s->sub,
                              .fn = weir_consumer_sink,
                              .arg = weir_handlers_sink(s->handlers),
                              .workers = WORKERS}));
}

/* ---- a connection -------------------------------------------------------- */

struct connection {
    struct service *service;
    int fd;
    size_t have; /* bytes of `in` */
    char in[BATCH * LINE];
    char *ids[BATCH];
    weir_post posts[BATCH];
    size_t n; /* of these two */
    char out[BATCH * (LINE + ANSWER)];
};

/* An event of a line, whose words it ends with NULs. NULL: it is none. */
static weir_event *event_of(char *line, char **id)
{
    char *save = NULL, *type = strtok_r(line, " ", &save), *text;
    weir_event *e;

    *id = strtok_r(NULL, " ", &save);
    if (!type || !*id)
        return NULL;
    text = save && *save ? save : "";
    if (weir_event_new(&e, &(weir_event_opts){.type = type,
                                              .payload = text,
                                              .size = strlen(text)}))
        return NULL;
    return e;
}

/* The whole lines that are in hand, up to a batch. The bytes they take. */
static size_t parse(struct connection *c)
{
    char *at = c->in, *end = c->in + c->have, *eol;

    c->n = 0;
    for (; c->n < BATCH && (eol = memchr(at, '\n', (size_t)(end - at)));
         at = eol + 1) {
        *eol = '\0';
        c->posts[c->n].event = event_of(at, &c->ids[c->n]);
        c->posts[c->n].id = c->ids[c->n];
        c->n++;
    }
    return (size_t)(at - c->in);
}

/* Publishes the batch: an error of one does not keep back those behind it. */
static void publish(struct connection *c, int *codes)
{
    struct service *s = c->service;
    size_t at = 0;

    while (at < c->n) {
        size_t run = at;
        ptrdiff_t n = WEIR_EINVAL;

        while (run < c->n && c->posts[run].event)
            run++;
        if (run > at)
            n = weir_pub_publish_n(s->pub, c->posts + at, run - at,
                                   &s->working);
        for (ptrdiff_t i = 0; i < n; i++)
            codes[at++] = 0;
        if (n <= 0)
            codes[at++] = (int)n;
    }
}

/* False: the client is gone. */
static bool answer(struct connection *c, const int *codes)
{
    size_t size = 0;

    for (size_t i = 0; i < c->n; i++) {
        const char *id = c->ids[i] ? c->ids[i] : "?";
        char *to = c->out + size;
        const size_t room = sizeof c->out - size;

        size += (size_t)(codes[i] ? snprintf(to, room, "error %s %s\n", id,
                                             weir_errname(codes[i]))
                                  : snprintf(to, room, "ok %s\n", id));
        weir_event_unref(c->posts[i].event);
    }
    return weir_write_full(c->fd, c->out, size, &c->service->working) ==
           (ssize_t)size;
}

/* Takes what has been read to its end. False: no use to go on. */
static bool process(struct connection *c)
{
    int codes[BATCH];
    size_t taken;

    while ((taken = parse(c)) > 0) {
        publish(c, codes);
        if (!answer(c, codes))
            return false;
        c->have -= taken;
        memmove(c->in, c->in + taken, c->have);
    }
    return c->have < LINE; /* else it is no line */
}

static void connection(void *arg)
{
    struct connection *c = arg;
    ssize_t n;

    do {
        n = weir_read(c->fd, c->in + c->have, sizeof c->in - c->have,
                      c->service->reading);
        c->have += n > 0 ? (size_t)n : 0;
    } while (n > 0 && process(c));
    weir_close(c->fd);
    free(c);
}

/* ---- the listener -------------------------------------------------------- */

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(at.sun_path, path);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, BACKLOG))
        return -1;
    return fd;
}

static void accept_all(void *arg)
{
    struct service *s = arg;
    int fd;

    while (!weir_ctx_err(s->reading)) {
        struct connection *c;

        fd = weir_accept(s->listener, NULL, NULL, s->reading);
        if (fd < 0) { /* out of descriptors, say; or the end */
            (void)weir_sleep(10 * WEIR_MILLISECOND, s->reading);
            continue;
        }
        c = calloc(1, sizeof *c);
        if (c) {
            c->service = s;
            c->fd = fd;
        }
        if (!c || weir_wg_go(&s->connections, connection, c)) {
            weir_close(fd);
            free(c);
        }
    }
    weir_close(s->listener);
}

/* ---- the end, part by part ----------------------------------------------- */

static int drain_connections(void *arg, weir_ctx *ctx)
{
    struct service *s = arg;
    const int err = weir_wg_wait(&s->connections, ctx);

    if (err)
        must(weir_ctx_cancel(&s->working, 0));
    return err;
}

static int drain_publisher(void *arg, weir_ctx *ctx)
{
    return weir_pub_close(((struct service *)arg)->pub, ctx);
}

static uint64_t left_in_topic(void *arg)
{
    weir_sub_counts n;

    must(weir_sub_get_counts(((struct service *)arg)->sub, &n, NULL));
    return n.waiting + n.pending;
}

/* Nothing comes in any more: the workers empty it. */
static int drain_topic(void *arg, weir_ctx *ctx)
{
    int err = 0;

    while (!err && left_in_topic(arg) > 0)
        err = weir_sleep(5 * WEIR_MILLISECOND, ctx);
    return err;
}

static int drain_workers(void *arg, weir_ctx *ctx)
{
    struct service *s = arg;

    return weir_consumer_stop(s->workers, WEIR_CONSUMER_DRAIN, ctx);
}

static void plan_the_end(struct service *s)
{
    const weir_shutdown_part parts[] = {
        {.name = "connections", .drain = drain_connections},
        {.name = "publisher", .drain = drain_publisher},
        {.name = "topic", .drain = drain_topic, .left = left_in_topic},
        {.name = "workers", .drain = drain_workers},
    };

    must(weir_shutdown_new(
        &s->shutdown, &(weir_shutdown_opts){.deadline = 30 * WEIR_SECOND}));
    s->reading = weir_shutdown_ctx(s->shutdown);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        weir_shutdown_part part = parts[i];

        part.arg = s;
        must(weir_shutdown_add(s->shutdown, &part));
    }
}

/* ---- all of it ----------------------------------------------------------- */

static bool open_topic(struct service *s, const char *url)
{
    const weir_sub_opts opts = {.group = "service", .max_deliveries = TRIES};
    weir_why why;

    if (!weir_pub_open(&s->pub, url, &why) &&
        !weir_sub_open(&s->sub, url, &opts, &why))
        return true;
    fprintf(stderr, "%s: %s\n", url, why.text);
    return false;
}

static void report(struct service *s)
{
    weir_sub_counts n;

    must(weir_shutdown_print(s->shutdown, stderr));
    must(weir_sub_get_counts(s->sub, &n, NULL));
    fprintf(stderr,
            "handled %" PRIu64 ", of no use %" PRIu64 ", left %" PRIu64 "\n",
            n.acked, n.termed, n.waiting + n.pending);
}

static void free_all(struct service *s)
{
    must(weir_consumer_free(s->workers));
    weir_sub_free(s->sub);
    weir_pub_free(s->pub);
    weir_handlers_unref(s->handlers);
    must(weir_shutdown_free(s->shutdown));
    must(weir_ctx_fini(&s->working));
}

int main(int argc, char **argv)
{
    static struct service s = {.connections = WEIR_WG_INIT};
    const char *url = argc > 2 ? argv[2] : "mem:service";
    int err;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s SOCKET [URL]\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* a client that is gone is an error of write */
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(weir_ctx_init(&s.working, NULL));
    plan_the_end(&s); /* from here on signals are taken */
    if (!open_topic(&s, url))
        return EXIT_FAILURE;
    s.listener = listen_at(argv[1]);
    if (s.listener < 0) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    start_workers(&s);
    must(weir_wg_go(&s.connections, accept_all, &s));

    err = weir_shutdown_wait(s.shutdown, NULL);
    unlink(argv[1]);
    report(&s);
    free_all(&s);
    must(weir_stop(WEIR_FOREVER));
    return err ? EXIT_FAILURE : printed();
}
