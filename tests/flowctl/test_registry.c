/* SPDX-License-Identifier: MIT */
/*
 * The registry of named channels: a walk while channels come and go, and the
 * statistics of all as text, read back line by line and value by value.
 */
#include <ctype.h>
#include <locale.h>
#include "base/mem.h"
#include "flowctl.h"

static weir_chan *named(const char *name, size_t cap)
{
    weir_chan_opts o = opts_of(WEIR_DROP_OLDEST, cap, NULL);

    o.name = name;
    return chan_of(&o);
}

/* ---- walks ----------------------------------------------------------------
 */

struct seen {
    int n;
    char names[16][64];
    uint64_t ids[16];
};

static void see(weir_chan *c, void *arg)
{
    struct seen *s = arg;

    must(s->n < 16);
    snprintf(s->names[s->n], sizeof s->names[0], "%s", weir_chan_name(c));
    s->ids[s->n++] = weir_chan_id(c);
    account(c);
}

BEHAVIOUR(in_the_order_of_their_making)
{
    weir_chan *a = named("a", 1), *none = named(NULL, 1), *b = named("b", 1);
    weir_chan *same = named("a", 0), *empty = named("", 1);
    struct seen s = {0};

    must_eq(weir_chan_each(see, &s), 3);
    must(strcmp(s.names[0], "a") == 0 && strcmp(s.names[1], "b") == 0 &&
         strcmp(s.names[2], "a") == 0);
    must(s.ids[0] < s.ids[1] && s.ids[1] < s.ids[2]);
    must_eq(s.ids[0], weir_chan_id(a));
    must(weir_chan_id(none) != 0 && weir_chan_id(none) != weir_chan_id(empty));
    must_eq(weir_chan_id(NULL), 0);
    weir_chan_unref(b);
    s.n = 0;
    must_eq(weir_chan_each(see, &s), 2);
    must(strcmp(s.names[1], "a") == 0);
    weir_chan_unref(a);
    weir_chan_unref(same);
    weir_chan_unref(none);
    weir_chan_unref(empty);
    must_eq(weir_chan_each(see, &s), 0);
    must_eq(weir_chan_each(NULL, &s), WEIR_EINVAL);
    (void)crew;
}

/* The walk's function may make and free channels, also the one it is at. */
static void free_it_and_make_another(weir_chan *c, void *arg)
{
    weir_chan **mine = arg;

    must(strcmp(weir_chan_name(c), "mine") == 0 ||
         strcmp(weir_chan_name(c), "other") == 0);
    weir_chan_unref(*mine);
    *mine = strcmp(weir_chan_name(c), "mine") == 0 ? named("other", 1) : NULL;
}

BEHAVIOUR(a_walk_that_changes_the_list)
{
    weir_chan *mine = named("mine", 1);

    must_eq(weir_chan_each(free_it_and_make_another, &mine), 2);
    must(mine == NULL);
    must_eq(weir_chan_each(free_it_and_make_another, &mine), 0);
    (void)crew;
}

struct churn {
    atomic_bool over;
    atomic_long walks, found;
};

static void come_and_go(void *arg)
{
    weir_chan *c[5] = {NULL};
    int i, at;
    char name[32];

    (void)arg;
    for (i = 0; i < check_scale(3000); i++) {
        at = i * 7 % 5;
        weir_chan_unref(c[at]);
        snprintf(name, sizeof name, "c%d", i);
        c[at] = named(name, 2);
        must_eq(send_int(c[at], i), 0);
    }
    for (at = 0; at < 5; at++)
        weir_chan_unref(c[at]);
}

static void use_it(weir_chan *c, void *arg)
{
    struct churn *x = arg;

    must(weir_chan_name(c)[0] == 'c');
    must(account(c).queued <= 2);
    (void)try_send_int(c, 1);
    atomic_fetch_add(&x->found, 1);
}

static void walk_all_the_time(void *arg)
{
    struct churn *x = arg;

    while (!atomic_load(&x->over)) {
        must(weir_chan_each(use_it, x) >= 0);
        atomic_fetch_add(&x->walks, 1);
        weir_yield();
    }
}

BEHAVIOUR(walks_while_channels_come_and_go)
{
    struct crew makers = CREW(crew->mode);
    struct churn x = {.over = false};
    int i;

    for (i = 0; i < 2; i++) {
        crew_go(crew, walk_all_the_time, &x);
        crew_go(&makers, come_and_go, &x);
    }
    crew_wait(&makers);
    atomic_store(&x.over, true);
    crew_wait(crew);
    must(atomic_load(&x.walks) > 0);
    must_eq(weir_chan_each(use_it, &x), 0);
}

/* ---- as text --------------------------------------------------------------
 */

static char *written(enum weir_stats_format format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    must(f != NULL);
    must_eq(weir_stats_write(f, format), 0);
    fclose(f);
    must_eq(strlen(text), size);
    return text;
}

/* One line of the exposition format: a comment, or name{labels} value. */
static void check_line(const char *line)
{
    const char *p = line;
    char *end;

    if (strncmp(line, "# HELP weir_channel_", 20) == 0)
        return;
    if (strncmp(line, "# TYPE weir_channel_", 20) == 0) {
        p = strrchr(line, ' ') + 1;
        must(strcmp(p, "counter") == 0 || strcmp(p, "gauge") == 0);
        return;
    }
    must(strncmp(p, "weir_channel_", 13) == 0);
    while (isalnum((unsigned char)*p) || *p == '_')
        p++;
    must(*p == '{');
    do {
        for (p++; isalpha((unsigned char)*p); p++)
            continue;
        must(p[0] == '=' && p[1] == '"');
        for (p += 2; *p != '"'; p++) {
            must((unsigned char)*p >= ' ');
            if (*p == '\\') {
                p++;
                must(*p == '\\' || *p == '"' || *p == 'n');
            }
        }
        p++;
    } while (*p == ',');
    must(p[0] == '}' && p[1] == ' ');
    (void)strtod(p + 2, &end);
    must(end > p + 2 && *end == '\0');
}

/* The value of the series that begins so; it must be there once. */
static double value_of(const char *text, const char *series)
{
    const char *at = strstr(text, series);

    if (at == NULL)
        ck_abort_msg("no %s in\n%s", series, text);
    must(at == text || at[-1] == '\n');
    must(strstr(at + 1, series) == NULL);
    return strtod(at + strlen(series), NULL);
}

BEHAVIOUR(prometheus)
{
    const char *ugly = "a\"b\\c\nd\te";
    weir_chan *c = named(ugly, 2), *plain = named("plain", 4);
    char *text, *copy, *line, *rest, series[200];
    int i, samples = 0;

    for (i = 0; i < 5; i++)
        must_eq(send_int(c, i), 0);
    must_eq(try_recv_int(c), 3);
    text = written(WEIR_STATS_PROMETHEUS);
    copy = strdup(text);
    for (line = copy; *line != '\0'; line = rest) {
        rest = strchr(line, '\n');
        must(rest != NULL); /* each line has its end */
        *rest++ = '\0';
        check_line(line);
        samples += line[0] != '#';
    }
    must(samples >= 2 * (21 + WEIR_DROPS + 5));
    snprintf(series, sizeof series,
             "weir_channel_sent_total{channel=\"a\\\"b\\\\c\\nd?e\","
             "id=\"%llu\"} ",
             (unsigned long long)weir_chan_id(c));
    must_eq(value_of(text, series), 5);
    snprintf(series, sizeof series,
             "weir_channel_dropped_total{channel=\"a\\\"b\\\\c\\nd?e\","
             "id=\"%llu\",reason=\"oldest\"} ",
             (unsigned long long)weir_chan_id(c));
    must_eq(value_of(text, series), 3);
    snprintf(series, sizeof series,
             "weir_channel_capacity{channel=\"plain\",id=\"%llu\"} ",
             (unsigned long long)weir_chan_id(plain));
    must_eq(value_of(text, series), 4);
    free(copy);
    free(text);
    weir_chan_unref(c);
    weir_chan_unref(plain);
    (void)crew;
}

/* Each family is told of once, before its samples. */
BEHAVIOUR(families_are_whole)
{
    weir_chan *a = named("a", 1), *b = named("b", 1);
    char *text = written(WEIR_STATS_PROMETHEUS), *p = text, name[100],
         again[120];

    while ((p = strstr(p, "# TYPE ")) != NULL) {
        must_eq(sscanf(p, "# TYPE %99s", name), 1);
        snprintf(again, sizeof again, "# TYPE %s ", name);
        p += strlen(again);
        must(strstr(p, again) == NULL);
        p = strchr(p, '\n') + 1;
        must(strncmp(p, name, strlen(name)) == 0);
    }
    free(text);
    weir_chan_unref(a);
    weir_chan_unref(b);
    (void)crew;
}

/* ---- JSON: a reader of just the grammar -----------------------------------
 */

static const char *json_value(const char *p);

static const char *json_space(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')
        p++;
    return p;
}

/* Valid UTF-8 of at most two bytes is all that the tests put in. */
static const char *json_string(const char *p)
{
    int i;

    must(*p == '"');
    for (p++; *p != '"'; p++) {
        must((unsigned char)*p >= ' ');
        if ((unsigned char)*p >= 0x80) {
            must(((unsigned char)p[0] & 0xe0) == 0xc0 &&
                 ((unsigned char)p[1] & 0xc0) == 0x80);
            p++;
        } else if (*p == '\\' && *++p == 'u') {
            for (i = 0; i < 4; i++)
                must(isxdigit((unsigned char)*++p));
        }
    }
    return p + 1;
}

/* Members, or elements, until the bracket that closes. */
static const char *json_members(const char *p, char close, bool keys)
{
    p = json_space(p + 1);
    if (*p == close)
        return p + 1;
    for (;;) {
        if (keys) {
            p = json_space(json_string(p));
            must(*p == ':');
            p++;
        }
        p = json_space(json_value(json_space(p)));
        if (*p == close)
            return p + 1;
        must(*p == ',');
        p = json_space(p + 1);
    }
}

static const char *json_number(const char *p)
{
    const char *from = p;

    p += *p == '-';
    must(isdigit((unsigned char)*p));
    must(*p != '0' || !isdigit((unsigned char)p[1]));
    while (isdigit((unsigned char)*p))
        p++;
    if (*p == '.') {
        must(isdigit((unsigned char)p[1]));
        for (p++; isdigit((unsigned char)*p); p++)
            continue;
    }
    must(p > from);
    return p;
}

static const char *json_value(const char *p)
{
    switch (*p) {
    case '{':
        return json_members(p, '}', true);
    case '[':
        return json_members(p, ']', false);
    case '"':
        return json_string(p);
    case 't':
        must(strncmp(p, "true", 4) == 0);
        return p + 4;
    case 'f':
        must(strncmp(p, "false", 5) == 0);
        return p + 5;
    default:
        return json_number(p);
    }
}

static void check_json(const char *text)
{
    must(*json_space(json_value(json_space(text))) == '\0');
}

BEHAVIOUR(json)
{
    weir_chan *c = named("say \"hi\"\\\n\x01\xc3\xa9", 2);
    char *text;
    int i;

    for (i = 0; i < 3; i++)
        must_eq(send_int(c, i), 0);
    text = written(WEIR_STATS_JSON);
    check_json(text);
    must(strstr(text, "\"say \\\"hi\\\"\\\\\\u000a\\u0001\xc3\xa9\"") != NULL);
    must(strstr(text, "\"policy\": \"drop-oldest\"") != NULL);
    must(strstr(text, "\"sent\": 3,") != NULL);
    must(strstr(text, "\"queued\": 2,") != NULL);
    must(strstr(text, "\"oldest\": 1") != NULL);
    must(strstr(text, "\"closed\": false") != NULL);
    must(strstr(text, "\"utilization\": 1.0000") != NULL);
    free(text);
    must_eq(weir_chan_close(c), 0);
    text = written(WEIR_STATS_JSON);
    check_json(text);
    must(strstr(text, "\"closed\": true") != NULL);
    free(text);
    weir_chan_unref(c);
    text = written(WEIR_STATS_JSON);
    check_json(text);
    must(strcmp(text, "[]\n") == 0);
    free(text);
    (void)crew;
}

/* A name in another encoding, and one that is cut in the middle of a
 * character: the text is UTF-8 all the same. */
BEHAVIOUR(names_in_other_encodings)
{
    static const struct name {
        const char *bytes, *shown;
    } names[] = {
        {"caf\xe9 noir", "\"caf? noir\""},
        {"\xc0\xaf\xe0\x80\x80", "\"?????\""},
        {"\xed\xa0\x80\xf4\x90\x80\x80", "\"???????\""},
        {"\xc3\xa9\xc3", "\"\xc3\xa9?\""},
        {"0123456789012345678901234567890123456789012345678901234567890"
         "1\xc3\xa9",
         "01?\""},
    };
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        weir_chan *c = named(names[i].bytes, 1);
        char *objects = written(WEIR_STATS_JSON);
        char *lines = written(WEIR_STATS_PROMETHEUS);

        check_json(objects);
        must(strstr(objects, names[i].shown) != NULL);
        must(strstr(lines, names[i].shown) != NULL);
        free(objects);
        free(lines);
        weir_chan_unref(c);
    }
    (void)crew;
}

/* More channels than the first allocation has room for. */
BEHAVIOUR(many_channels)
{
    enum { MANY = 100 };
    weir_chan *c[MANY];
    char name[32], *text, *p;
    int i, n = 0;

    for (i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "chan-%d", i);
        c[i] = named(name, (size_t)i % 3);
    }
    text = written(WEIR_STATS_JSON);
    check_json(text);
    for (p = text; (p = strstr(p, "\"name\"")) != NULL; p++)
        n++;
    must_eq(n, MANY);
    free(text);
    for (i = 0; i < MANY; i++)
        weir_chan_unref(c[i]);
    (void)crew;
}

/* A program's locale is not that of its figures. */
START_TEST(figures_are_the_same_in_every_locale)
{
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE",
                                         "fr_FR.UTF-8", "fr_FR.utf8", "fr_FR"};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 3, NULL);
    weir_chan *c;
    char *text, *line, *rest;
    size_t i;

    for (i = 0; i < 6 && setlocale(LC_ALL, commas[i]) == NULL; i++)
        continue;
    o.name = "figures";
    o.timed_every = 1;
    c = chan_of(&o);
    must_eq(send_int(c, 1), 0);
    text = written(WEIR_STATS_JSON);
    check_json(text);
    must(strstr(text, "\"utilization\": 0.3333") != NULL);
    free(text);
    text = written(WEIR_STATS_PROMETHEUS);
    for (line = text; *line != '\0'; line = rest) {
        rest = strchr(line, '\n');
        *rest++ = '\0';
        must(strchr(strrchr(line, ' '), ',') == NULL);
    }
    free(text);
    weir_chan_unref(c);
}
END_TEST

/* ---- what goes wrong ------------------------------------------------------
 */

BEHAVIOUR(bad_input)
{
    weir_chan *c = named("c", 1);
    FILE *full = fopen("/dev/full", "w");

    must_eq(weir_stats_write(NULL, WEIR_STATS_JSON), WEIR_EINVAL);
    must_eq(weir_stats_write(stderr, (enum weir_stats_format)7), WEIR_EINVAL);
    if (full != NULL) {
        must_eq(weir_stats_write(full, WEIR_STATS_JSON), -ENOSPC);
        fclose(full);
    }
    wr_mem_fail_after(0);
    must_eq(weir_stats_write(stderr, WEIR_STATS_JSON), WEIR_ENOMEM);
    must_eq(weir_stats_write(stderr, WEIR_STATS_PROMETHEUS), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    weir_chan_unref(c);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(in_the_order_of_their_making),
           CHECK_MODES(a_walk_that_changes_the_list),
           CHECK_MODES(walks_while_channels_come_and_go),
           CHECK_MODES(prometheus), CHECK_MODES(families_are_whole),
           CHECK_MODES(json), CHECK_MODES(names_in_other_encodings),
           CHECK_MODES(many_channels), CHECK_MODES(bad_input),
           CHECK_TEST(figures_are_the_same_in_every_locale))
