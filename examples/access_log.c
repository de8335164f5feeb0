/* SPDX-License-Identifier: MIT */
/*
 * Reads a web server's access log (combined format) and reports requests by
 * status, the busiest paths and bytes by hour.
 *
 *     reader --> blocks --> parser, parser, ... --> batches --> tally
 *
 * The reader cuts the log into blocks of whole lines. The parsers, as many
 * as there are workers, make a batch of requests of each block. One task
 * keeps the tables, so they need no lock. Whoever receives a block or a batch
 * owns it; both channels are bounded, so the slowest stage sets the pace and
 * memory does not grow with the log.
 *
 *     access_log [FILE]       (standard input without FILE)
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum { BLOCK_SIZE = 64 * 1024, TOP_PATHS = 10 };

/* Whole lines, the last of them with or without its newline. */
struct block {
    size_t len;
    size_t size;
    char *text;
};

/* A stretch of a block's text. */
struct slice {
    const char *at;
    size_t len;
};

struct request {
    struct slice path;
    struct slice hour; /* 17/May/2015:10                                    */
    uint64_t bytes;
    int status;
};

/* What a parser made of a block; the slices lie in the block. */
struct batch {
    struct block *block;
    size_t lines;
    size_t count; /* of them understood                                     */
    struct request *requests;
};

WEIR_CHAN(blocks, struct block *);
WEIR_CHAN(batches, struct batch *);

static _Noreturn void fail(const char *what, int code)
{
    fprintf(stderr, "access_log: %s: %s\n", what, weir_strerror(code));
    exit(EXIT_FAILURE);
}

static void *need(void *memory)
{
    if (!memory)
        fail("memory", WEIR_ENOMEM);
    return memory;
}

/* ---- reading ------------------------------------------------------------- */

static struct block *block_new(size_t size)
{
    struct block *b = need(malloc(sizeof *b));
    *b = (struct block){0, size, need(malloc(size))};
    return b;
}

static void block_free(struct block *b)
{
    free(b->text);
    free(b);
}

/* Bytes up to and with the last newline. */
static size_t whole_lines(const struct block *b)
{
    size_t n = b->len;
    while (n > 0 && b->text[n - 1] != '\n')
        n--;
    return n;
}

/* Sends the whole lines on; what is behind them begins the next block. */
static struct block *send_lines(blocks *out, struct block *b)
{
    size_t n = whole_lines(b);
    struct block *rest = block_new(n > 0 ? b->size : b->size * 2);
    rest->len = b->len - n;
    memcpy(rest->text, b->text + n, rest->len);
    b->len = n;
    if (n == 0)
        block_free(b);
    else
        blocks_send(out, b, NULL);
    return rest;
}

static void read_log(int fd, blocks *out)
{
    struct block *b = block_new(BLOCK_SIZE);
    for (;;) {
        size_t room = b->size - b->len;
        ssize_t n = weir_read_full(fd, b->text + b->len, room, NULL);
        if (n < 0)
            fail("read", (int)n);
        b->len += (size_t)n;
        if ((size_t)n < room)
            break;
        b = send_lines(out, b);
    }
    if (b->len > 0)
        blocks_send(out, b, NULL);
    else
        block_free(b);
    blocks_close(out);
}

/* ---- parsing ------------------------------------------------------------- */

/* Moves *at behind the next c before end, or returns false. */
static bool skip_past(const char **at, const char *end, char c)
{
    const char *found = memchr(*at, c, (size_t)(end - *at));
    if (!found)
        return false;
    *at = found + 1;
    return true;
}

static bool take_until(const char **at, const char *end, char c,
                       struct slice *out)
{
    const char *from = *at;
    if (!skip_past(at, end, c))
        return false;
    *out = (struct slice){from, (size_t)(*at - 1 - from)};
    return true;
}

/* The closing quote; a quote behind a backslash is part of the text. */
static bool skip_quoted(const char **at, const char *end)
{
    for (; *at < end; ++*at) {
        if (**at == '\\' && *at + 1 < end)
            ++*at;
        else if (**at == '"')
            return ++*at, true;
    }
    return false;
}

/* Digits; "-", which stands for none, is 0. */
static uint64_t take_number(const char **at, const char *end)
{
    uint64_t n = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        n = n * 10 + (uint64_t)(**at - '0');
    return n;
}

/* The path of "GET /path HTTP/1.1"; what is no such request has none. */
static void find_path(struct slice line, struct slice *path)
{
    const char *at = line.at, *end = line.at + line.len;
    *path = (struct slice){"-", 1};
    if (!skip_past(&at, end, ' '))
        return;
    const char *stop = memchr(at, ' ', (size_t)(end - at));
    *path = (struct slice){at, (size_t)((stop ? stop : end) - at)};
}

/* host ident user [day/month/year:hour:... zone] "request" status bytes */
static bool parse_line(const char *at, const char *end, struct request *r)
{
    struct slice time, quoted;
    if (!skip_past(&at, end, '[') || !take_until(&at, end, ']', &time) ||
        !skip_past(&at, end, '"'))
        return false;
    quoted.at = at;
    if (!skip_quoted(&at, end) || at == end || *at++ != ' ')
        return false;
    quoted.len = (size_t)(at - 2 - quoted.at);
    find_path(quoted, &r->path);
    r->hour = (struct slice){time.at, time.len < 14 ? time.len : 14};
    r->status = (int)take_number(&at, end);
    if (at == end || *at++ != ' ')
        return false;
    r->bytes = take_number(&at, end);
    return r->status >= 100 && r->status <= 999;
}

static struct batch *parse_block(struct block *b)
{
    struct batch *out = need(calloc(1, sizeof *out));
    size_t room = 0;
    const char *end = b->text + b->len;
    out->block = b;
    for (const char *at = b->text; at < end; out->lines++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (out->count == room) {
            room = room ? room * 2 : 512;
            size_t size = room * sizeof(struct request);
            out->requests = need(realloc(out->requests, size));
        }
        if (parse_line(at, stop ? stop : end, &out->requests[out->count]))
            out->count++;
        at = stop ? stop + 1 : end;
    }
    return out;
}

struct parser {
    blocks *in;
    batches *out;
};

static void parse(void *arg)
{
    struct parser *p = arg;
    struct block *b;
    while (blocks_recv(p->in, &b, NULL) == 0)
        batches_send(p->out, parse_block(b), NULL);
}

/* ---- counting ------------------------------------------------------------ */

struct entry {
    char *name; /* NULL: a free place                                       */
    size_t len;
    uint64_t count;
    uint64_t bytes;
};

/* An open-addressed table, at most half full. */
struct table {
    struct entry *entries;
    size_t size;
    size_t used;
};

static size_t hash(struct slice s)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.at[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32);
}

static struct entry *find(const struct table *t, struct slice name)
{
    size_t i = hash(name) & (t->size - 1);
    for (;; i = (i + 1) & (t->size - 1)) {
        struct entry *e = &t->entries[i];
        if (!e->name ||
            (e->len == name.len && memcmp(e->name, name.at, e->len) == 0))
            return e;
    }
}

static void grow(struct table *t)
{
    struct table old = *t;
    t->size = old.size ? old.size * 2 : 1024;
    t->entries = need(calloc(t->size, sizeof *t->entries));
    for (size_t i = 0; i < old.size; i++) {
        const struct entry *e = &old.entries[i];
        if (e->name)
            *find(t, (struct slice){e->name, e->len}) = *e;
    }
    free(old.entries);
}

static void add(struct table *t, struct slice name, uint64_t bytes)
{
    if (t->used * 2 >= t->size)
        grow(t);
    struct entry *e = find(t, name);
    if (!e->name) {
        e->name = need(malloc(name.len + 1));
        memcpy(e->name, name.at, name.len);
        e->name[name.len] = '\0';
        e->len = name.len;
        t->used++;
    }
    e->count++;
    e->bytes += bytes;
}

struct tally {
    batches *in;
    size_t lines, understood;
    uint64_t by_status[1000];
    struct table paths, hours;
};

static void count(void *arg)
{
    struct tally *t = arg;
    struct batch *b;
    while (batches_recv(t->in, &b, NULL) == 0) {
        for (size_t i = 0; i < b->count; i++) {
            const struct request *r = &b->requests[i];
            t->by_status[r->status]++;
            add(&t->paths, r->path, r->bytes);
            add(&t->hours, r->hour, r->bytes);
        }
        t->lines += b->lines;
        t->understood += b->count;
        block_free(b->block);
        free(b->requests);
        free(b);
    }
}

/* ---- the report ---------------------------------------------------------- */

/* Moves the entries to the table's front and sorts them. */
static void sort(struct table *t, int (*order)(const void *, const void *))
{
    size_t n = 0;
    for (size_t i = 0; i < t->size; i++)
        if (t->entries[i].name)
            t->entries[n++] = t->entries[i];
    t->size = n;
    if (n > 0)
        qsort(t->entries, n, sizeof *t->entries, order);
}

static int busiest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* 17/May/2015:10 as 2015051710. */
static long when(const struct entry *e)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char name[4] = "";
    int day = 0, year = 0, hour = 0;
    if (sscanf(e->name, "%2d/%3[A-Za-z]/%4d:%2d", &day, name, &year, &hour) !=
        4)
        return 0;
    const char *at = strstr(months, name);
    long month = at ? (at - months) / 3 + 1 : 0;
    return ((year * 100L + month) * 100 + day) * 100 + hour;
}

static int earliest_first(const void *a, const void *b)
{
    long x = when(a), y = when(b);
    return x < y ? -1 : x > y;
}

static void print_report(struct tally *t)
{
    puts("requests by status");
    for (int i = 0; i < 1000; i++)
        if (t->by_status[i] > 0)
            printf("  %d %" PRIu64 "\n", i, t->by_status[i]);
    puts("busiest paths");
    sort(&t->paths, busiest_first);
    for (size_t i = 0; i < t->paths.size && i < TOP_PATHS; i++)
        printf("  %" PRIu64 " %s\n", t->paths.entries[i].count,
               t->paths.entries[i].name);
    puts("bytes by hour");
    sort(&t->hours, earliest_first);
    for (size_t i = 0; i < t->hours.size; i++)
        printf("  %s %" PRIu64 "\n", t->hours.entries[i].name,
               t->hours.entries[i].bytes);
    printf("%zu lines, %zu not understood\n", t->lines,
           t->lines - t->understood);
}

static void free_table(struct table *t)
{
    for (size_t i = 0; i < t->size; i++)
        free(t->entries[i].name);
    free(t->entries);
}

/* ---- the stages ---------------------------------------------------------- */

static int run(void *arg)
{
    int fd = *(int *)arg;
    weir_wg parsers = WEIR_WG_INIT, counter = WEIR_WG_INIT;
    struct parser p = {blocks_new(4), batches_new(4)};
    struct tally *t = need(calloc(1, sizeof *t));
    t->in = need(p.out);
    need(p.in);
    int code = weir_wg_go(&counter, count, t);
    for (int i = 0; i < weir_workers() && !code; i++)
        code = weir_wg_go(&parsers, parse, &p);
    if (code)
        fail("cannot start a task", code);
    read_log(fd, p.in);
    weir_wg_wait(&parsers, NULL);
    batches_close(p.out);
    weir_wg_wait(&counter, NULL);
    print_report(t);
    free_table(&t->paths);
    free_table(&t->hours);
    free(t);
    blocks_unref(p.in);
    batches_unref(p.out);
    return 0;
}

int main(int argc, char **argv)
{
    int fd = STDIN_FILENO;
    if (argc > 2) {
        fputs("usage: access_log [FILE]\n", stderr);
        return 2;
    }
    if (argc == 2 && (fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    int code = weir_run(run, &fd);
    if (code)
        fail("cannot run", code);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
