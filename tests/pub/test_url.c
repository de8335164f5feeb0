/* SPDX-License-Identifier: MIT */
/* URLs and their options: what they say, and what is wrong with them. */
#include <weir/engine.h>
#include "../chan/parties.h"
#include "base/mem.h"

static weir_url *parsed(const char *text)
{
    weir_why why = {"something from before"};
    weir_url *u = NULL;

    must_eq(weir_url_parse(&u, text, &why), 0);
    must(u != NULL && strcmp(u->text, text) == 0);
    must(why.text[0] == '\0');
    return u;
}

static void must_say(const weir_why *why, const char *part)
{
    if (strstr(why->text, part) == NULL)
        ck_abort_msg("\"%s\" has no \"%s\"", why->text, part);
}

START_TEST(a_url_has_its_parts)
{
    weir_url *u = parsed("file:/var/lib/app/orders.db?topic=a&sync=full");

    must(strcmp(u->scheme, "file") == 0);
    must(strcmp(u->rest, "/var/lib/app/orders.db") == 0);
    must_eq(u->option_count, 2);
    must(strcmp(u->options[0].key, "topic") == 0);
    must(strcmp(u->options[1].value, "full") == 0);
    must(strcmp(weir_url_get(u, "sync"), "full") == 0);
    must(weir_url_get(u, "Sync") == NULL);
    must(weir_url_get(u, NULL) == NULL && weir_url_get(NULL, "sync") == NULL);
    weir_url_free(u);
}
END_TEST

START_TEST(what_may_be_strange_in_a_url)
{
    static const struct {
        const char *text, *rest, *key, *value;
    } good[] = {
        {"mem:", "", NULL, NULL},
        {"mem:a:b=c&d#e", "a:b=c&d#e", NULL, NULL},
        {"mem:%61%3F%25%c3%BC", "a?%\xc3\xbc", NULL, NULL},
        {"mem:a?k=v?w=x", "a", "k", "v?w=x"},
        {"mem:a?k=", "a", "k", ""},
        {"mem:a?a%26b=c%3Dd", "a", "a&b", "c=d"},
        {"a23456789012345678901234567890z2:x", "x", NULL, NULL},
    };
    size_t i;

    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        weir_url *u = parsed(good[i].text);

        must(strcmp(u->rest, good[i].rest) == 0);
        must_eq(u->option_count, good[i].key != NULL);
        if (good[i].key != NULL)
            must(strcmp(weir_url_get(u, good[i].key), good[i].value) == 0);
        weir_url_free(u);
    }
}
END_TEST

START_TEST(what_is_wrong_with_a_url_is_said)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "no URL"},
        {"orders", "\"orders\" is no URL"},
        {":orders", "no URL"},
        {"Mem:orders", "small letters"},
        {"2mem:orders", "no URL"},
        {"m-m:orders", "no URL"},
        {"a23456789012345678901234567890z23:x", "no URL"},
        {"mem?a=b:c", "no URL"},
        {"mem:a%", "hexadecimal"},
        {"mem:a%4", "hexadecimal"},
        {"mem:a%zz", "%25"},
        {"mem:a%00b", "%00"},
        {"mem:a?", "key=value"},
        {"mem:a?k", "\"k\" of the URL \"mem:a?k\""},
        {"mem:a?=v", "key=value"},
        {"mem:a?k=v&", "key=value"},
        {"mem:a?k=v&&l=w", "key=value"},
        {"mem:a?k=%", "hexadecimal"},
        {"mem:a?%4=v", "hexadecimal"},
        {"mem:a?k=1&l=2&%6b=3", "\"k\" of the URL \"mem:a?k=1&l=2&%6b=3\" "
                                "stands there twice"},
    };
    weir_why why;
    weir_url *u = NULL;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must_eq(weir_url_parse(&u, bad[i].text, &why), WEIR_EINVAL);
        must(u == NULL);
        must_say(&why, bad[i].said);
        must_eq(weir_url_parse(&u, bad[i].text, NULL), WEIR_EINVAL);
    }
    must_eq(weir_url_parse(&u, NULL, &why), WEIR_EINVAL);
    must_eq(weir_url_parse(NULL, "mem:a", &why), WEIR_EINVAL);
    weir_url_free(NULL);
}
END_TEST

START_TEST(a_sentence_is_cut_and_harmless)
{
    char text[2000] = "mem:\x1b[2J%";
    weir_why why;
    weir_url *u;

    memset(text + strlen(text), 'x', 1500);
    must_eq(weir_url_parse(&u, text, &why), WEIR_EINVAL);
    must(strlen(why.text) < sizeof why.text);
    must_say(&why, "mem:?[2J"); /* nothing that a terminal obeys */
    must_say(&why, "%25");      /* the end is there, too */
    must_eq(weir_why_set(&why, -77, "%1000d", 5), -77);
    must_eq(strlen(why.text), sizeof why.text - 1);
    must_eq(weir_why_set(NULL, -77, "%d", 5), -77);
}
END_TEST

/* ---- options ------------------------------------------------------------- */

START_TEST(unknown_options_are_named_with_the_known)
{
    static const char *const known[] = {"topic", "sync", "busy"};
    weir_url *u = parsed("file:a?sync=off&max_age=1s&dedup=x");
    weir_why why;

    must_eq(weir_url_check(u, known, 3, &why), 0);
    must_eq(weir_url_check(u, known, 1, &why), WEIR_EINVAL);
    must_say(&why, "\"sync\"");
    must_say(&why, "file: knows max_messages, max_bytes, max_age, on_full, "
                   "dedup and topic");
    must_eq(weir_url_check(u, NULL, 0, &why), WEIR_EINVAL);
    must_say(&why, "on_full and dedup");
    must_eq(weir_url_check(u, NULL, 1, &why), WEIR_EINVAL);
    must_eq(weir_url_check(NULL, known, 3, &why), WEIR_EINVAL);
    weir_url_free(u);
    u = parsed("file:a?sink=off");
    must_eq(weir_url_check(u, known, 3, &why), WEIR_EINVAL);
    must_say(&why, "on_full, dedup, topic, sync and busy");
    weir_url_free(u);
}
END_TEST

/* The value of `v` in a URL, by one of the calls; -1: refused. */
enum form { NUMBER, SIZE, DURATION };

static int64_t value_of(const char *value, enum form form)
{
    char text[200];
    weir_why why;
    weir_url *u;
    uint64_t n = 4711;
    int64_t ns = 4711;
    int err;

    snprintf(text, sizeof text, "mem:a?v=%s", value);
    u = parsed(text);
    if (form == DURATION)
        err = weir_url_duration(u, "v", &ns, &why);
    else if (form == SIZE)
        err = weir_url_size(u, "v", &n, &why);
    else
        err = weir_url_number(u, "v", &n, &why);
    if (err) {
        must_eq(err, WEIR_EINVAL);
        must_eq(form == DURATION ? ns : (int64_t)n, 4711);
        must_say(&why, "v=");
        must_say(&why, "it has to be");
    } else {
        must(why.text[0] == '\0');
    }
    weir_url_free(u);
    if (err)
        return -1;
    return form == DURATION ? ns : (int64_t)n;
}

START_TEST(numbers_of_options)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "-1",
                                      "%2b1",
                                      "+1",
                                      "1 ",
                                      "%201",
                                      "1k",
                                      "1.5",
                                      "0x10",
                                      "1e3",
                                      "one",
                                      "00",
                                      "1..",
                                      ".",
                                      "9223372036854775808",
                                      "99999999999999999999999999"};
    size_t i;

    must_eq(value_of("1", NUMBER), 1);
    must_eq(value_of("007", NUMBER), 7);
    must_eq(value_of("9223372036854775807", NUMBER), INT64_MAX);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(value_of(bad[i], NUMBER), -1);
}
END_TEST

START_TEST(sizes_of_options)
{
    static const char *const bad[] = {
        "",    "0",   "0k",  "k",   "1K",   "1m",  "1kB",         "1 k",
        "-1k", "1.5", "1.k", ".5k", "1,5k", "1kk", "8589934592G", "0.0001k"};
    size_t i;

    must_eq(value_of("1048576", SIZE), 1048576);
    must_eq(value_of("64k", SIZE), 65536);
    must_eq(value_of("2M", SIZE), 2097152);
    must_eq(value_of("1G", SIZE), 1073741824);
    must_eq(value_of("1.5k", SIZE), 1536);
    must_eq(value_of("8589934591G", SIZE), INT64_C(8589934591) << 30);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(value_of(bad[i], SIZE), -1);
}
END_TEST

START_TEST(durations_of_options)
{
    static const char *const bad[] = {
        "",     "0",     "0s",    "10",     "s",
        "10S",  "10sec", "1 s",   "-1s",    "1.s",
        ".5s",  "1.5ns", "1h30m", "53376d", "1.0000000001s",
        "0.1ns"};
    size_t i;

    must_eq(value_of("1ns", DURATION), 1);
    must_eq(value_of("250us", DURATION), 250 * WEIR_MICROSECOND);
    must_eq(value_of("500ms", DURATION), 500 * WEIR_MILLISECOND);
    must_eq(value_of("10s", DURATION), 10 * WEIR_SECOND);
    must_eq(value_of("1.5s", DURATION), 1500 * WEIR_MILLISECOND);
    must_eq(value_of("0.000000001s", DURATION), 1);
    must_eq(value_of("5m", DURATION), 5 * WEIR_MINUTE);
    must_eq(value_of("12h", DURATION), 720 * WEIR_MINUTE);
    must_eq(value_of("7d", DURATION), 7 * 1440 * WEIR_MINUTE);
    must_eq(value_of("0.5d", DURATION), 720 * WEIR_MINUTE);
    must_eq(value_of("53375d", DURATION), 53375 * 1440 * WEIR_MINUTE);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(value_of(bad[i], DURATION), -1);
}
END_TEST

START_TEST(words_of_options)
{
    static const char *const words[] = {"full", "normal", "off"};
    weir_url *u = parsed("file:a?sync=normal&other=Full");
    weir_why why;
    int i = 7;

    must_eq(weir_url_word(u, "none", words, 3, &i, &why), 0);
    must_eq(i, 7);
    must_eq(weir_url_word(u, "sync", words, 3, &i, &why), 0);
    must_eq(i, 1);
    must_eq(weir_url_word(u, "other", words, 3, &i, &why), WEIR_EINVAL);
    must_eq(i, 1);
    must_say(&why, "other=Full");
    must_say(&why, "it has to be full, normal or off");
    must_eq(weir_url_word(u, "sync", words, 0, &i, &why), WEIR_EINVAL);
    must_eq(weir_url_word(u, "sync", NULL, 3, &i, &why), WEIR_EINVAL);
    must_eq(weir_url_word(u, "sync", words, 3, NULL, &why), WEIR_EINVAL);
    weir_url_free(u);
}
END_TEST

START_TEST(limits_are_all_or_none)
{
    weir_limits l = {.max_bytes = 64, .on_full = WEIR_BLOCK, .dedup = 2};
    weir_url *u =
        parsed("mem:a?max_messages=10&max_age=1s&on_full=drop-oldest");

    must_eq(weir_url_limits(u, &l, NULL), 0);
    must_eq(l.max_messages, 10);
    must_eq(l.max_bytes, 64); /* as it was */
    must_eq(l.max_age, WEIR_SECOND);
    must_eq(l.on_full, WEIR_DROP_OLDEST);
    must_eq(l.dedup, 2);
    weir_url_free(u);
    u = parsed("mem:a?max_messages=20&on_full=drop");
    must_eq(weir_url_limits(u, &l, NULL), WEIR_EINVAL);
    must_eq(l.max_messages, 10);
    weir_url_free(u);
    u = parsed("mem:a?on_full=error&dedup=3ns&max_bytes=1k");
    must_eq(weir_url_limits(u, &l, NULL), 0);
    must_eq(l.on_full, WEIR_ERROR);
    must_eq(l.dedup, 3);
    must_eq(l.max_bytes, 1024);
    must_eq(weir_url_limits(u, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_url_limits(NULL, &l, NULL), WEIR_EINVAL);
    weir_url_free(u);
}
END_TEST

START_TEST(without_memory)
{
    weir_why why;
    weir_url *u;

    wr_mem_fail_after(0);
    must_eq(weir_url_parse(&u, "mem:a?b=c", &why), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must(u == NULL);
    must_say(&why, "memory");
}
END_TEST

/* Whatever bytes come, it is parsed or refused, and what was parsed holds no
 * more than the text. */
START_TEST(any_bytes)
{
    static const char bytes[] = "mem:?&=%20aZ~\xff\n";
    uint64_t random = 42;
    int round, i;

    for (round = 0; round < check_scale(20000); round++) {
        char text[40] = "m:";
        weir_url *u;
        const int n = 2 + round % 30;
        size_t at, total = 0;

        for (i = 2; i < n; i++) {
            random =
                random * UINT64_C(6364136223846793005) + 1442695040888963407;
            text[i] = bytes[(random >> 33) % (sizeof bytes - 1)];
        }
        text[n] = '\0';
        if (weir_url_parse(&u, text, NULL) != 0) {
            must(u == NULL);
            continue;
        }
        for (at = 0; at < u->option_count; at++)
            total +=
                strlen(u->options[at].key) + strlen(u->options[at].value) + 2;
        must(total + strlen(u->rest) + 2 <= strlen(text));
        weir_url_free(u);
    }
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_url_has_its_parts),
           CHECK_TEST(what_may_be_strange_in_a_url),
           CHECK_TEST(what_is_wrong_with_a_url_is_said),
           CHECK_TEST(a_sentence_is_cut_and_harmless),
           CHECK_TEST(unknown_options_are_named_with_the_known),
           CHECK_TEST(numbers_of_options), CHECK_TEST(sizes_of_options),
           CHECK_TEST(durations_of_options), CHECK_TEST(words_of_options),
           CHECK_TEST(limits_are_all_or_none), CHECK_TEST(without_memory),
           CHECK_TEST(any_bytes))
