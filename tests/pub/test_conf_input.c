/* SPDX-License-Identifier: MIT */
/* Bad input: every code that the headers name, nothing done, and a sentence
 * that says what was wrong. */
#include "conf.h"

enum { TOO_LONG = 256 };

static const char *too_long(void)
{
    static char name[TOO_LONG + 1];

    memset(name, 'n', TOO_LONG);
    return name;
}

/* Each call that opens by a URL refuses it with this code and names `word`. */
static void refuse(const char *url, int code, const char *word)
{
    weir_pub *p = (weir_pub *)&url;
    weir_sub *s = (weir_sub *)&url;
    weir_topic_counts c;
    weir_why why[5];

    must_eq(weir_pub_open(&p, url, &why[0]), code);
    must(p == NULL);
    must_eq(weir_sub_open(&s, url, NULL, &why[1]), code);
    must(s == NULL);
    must_eq(weir_topic_get_counts(url, &c, &why[2]), code);
    must_eq(weir_topic_remove(url, &why[3]), code);
    must_eq(weir_group_remove(url, "g", &why[4]), code);
    for (int i = 0; i < 5; i++) {
        if (strstr(why[i].text, word) == NULL)
            ck_abort_msg("%s: \"%s\" does not name %s%s", url, why[i].text,
                         word, party_note());
    }
    must_eq(weir_pub_open(&p, url, NULL), code);
    must_eq(weir_sub_open(&s, url, NULL, NULL), code);
}

CONFORMS(urls_that_are_none)
{
    refuse("", WEIR_EINVAL, "");
    refuse("events", WEIR_EINVAL, "events");
    refuse(":events", WEIR_EINVAL, ":events");
    refuse("no-scheme:events", WEIR_EINVAL, "no-scheme");
    refuse("nosuchengine:events", -ENOENT, "nosuchengine");
}

CONFORMS(options_that_are_none)
{
    static const struct {
        const char *options, *word;
    } bad[] = {
        {"no_such_option=1", "no_such_option"},
        {"max_messages=", "max_messages"},
        {"max_messages=0", "max_messages"},
        {"max_messages=-1", "max_messages"},
        {"max_messages=12abc", "max_messages"},
        {"max_messages=99999999999999999999", "max_messages"},
        {"max_bytes=1x", "max_bytes"},
        {"max_bytes=k", "max_bytes"},
        {"max_bytes=99999999999G", "max_bytes"},
        {"max_age=10", "max_age"},
        {"max_age=ms", "max_age"},
        {"max_age=-1s", "max_age"},
        {"max_age=0s", "max_age"},
        {"max_age=999999999999d", "max_age"},
        {"on_full=drop", "on_full"},
        {"on_full=BLOCK", "on_full"},
        {"dedup=2", "dedup"},
        {"max_messages=1&max_messages=2", "max_messages"},
        {"max_messages=%zz", "%zz"},
        {"max_messages", "max_messages"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(conf_url("events", bad[i].options), WEIR_EINVAL, bad[i].word);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), -ENOENT);
}

CONFORMS(handles_that_are_null)
{
    const char *url = conf_url("events", "");
    weir_post post = {.event = NULL};
    weir_message *m;
    weir_sub_counts c;
    weir_pub *p;
    weir_sub *s;

    must_eq(weir_pub_open(NULL, url, NULL), WEIR_EINVAL);
    must_eq(weir_pub_open(&p, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_open(NULL, url, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_open(&s, NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_pub_publish(NULL, NULL, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_pub_publish_n(NULL, &post, 1, NULL), WEIR_EINVAL);
    must_eq(weir_pub_close(NULL, NULL), WEIR_EINVAL);
    must(weir_pub_sink(NULL) == NULL);
    must(weir_pub_caps(NULL) == NULL);
    must(weir_sub_caps(NULL) == NULL);
    must_eq(weir_sub_recv(NULL, &m, NULL), WEIR_EINVAL);
    must_eq(weir_sub_recv_n(NULL, &m, 1, NULL), WEIR_EINVAL);
    must_eq(weir_sub_try_recv(NULL, &m), WEIR_EINVAL);
    must_eq(weir_message_ack(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_message_ack_n(NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_message_nak(NULL, 0, NULL), WEIR_EINVAL);
    must_eq(weir_message_term(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_message_in_progress(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_close(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_get_counts(NULL, &c, NULL), WEIR_EINVAL);
    must_eq(weir_topic_get_counts(NULL, &(weir_topic_counts){0}, NULL),
            WEIR_EINVAL);
    must_eq(weir_topic_get_counts(url, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_topic_remove(NULL, NULL), WEIR_EINVAL);
    must_eq(weir_group_remove(NULL, "g", NULL), WEIR_EINVAL);
    must_eq(weir_group_remove(url, NULL, NULL), WEIR_EINVAL);
}

CONFORMS(arguments_that_are_null)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m[2];

    must_eq(weir_pub_publish_n(p, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_sub_recv(s, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_sub_recv_n(s, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_sub_try_recv(s, NULL), WEIR_EINVAL);
    must_eq(weir_sub_get_counts(s, NULL, NULL), WEIR_EINVAL);
    post(p, 1);
    m[0] = take_nth(s, 1, 1);
    m[1] = NULL;
    must_eq(weir_message_ack_n(m, 2, NULL), WEIR_EINVAL);
    must_eq(weir_message_nak(m[0], -1, NULL), WEIR_EINVAL);
    must_eq(weir_message_nak(m[0], INT64_MIN, NULL), WEIR_EINVAL);
    ack(m[0]); /* which was not settled by any of this */
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_batch_of_two_subscriptions)
{
    weir_pub *p = pub_on("");
    weir_sub *a = sub_on((weir_sub_opts){.group = "a"});
    weir_sub *b = sub_on((weir_sub_opts){.group = "b"});
    weir_message *m[2];

    post(p, 1);
    m[0] = take_nth(a, 1, 1);
    m[1] = take_nth(b, 1, 1);
    must_eq(weir_message_ack_n(m, 2, NULL), WEIR_EINVAL);
    must_eq(counts_of(a).acked + counts_of(b).acked, 0);
    ack(m[0]);
    ack(m[1]);
    weir_sub_free(b);
    weir_sub_free(a);
    weir_pub_free(p);
}

static void refuse_opts(weir_sub_opts o, const char *word)
{
    weir_sub *s = (weir_sub *)&o;
    weir_why why;

    must_eq(weir_sub_open(&s, conf_url("events", ""), &o, &why), WEIR_EINVAL);
    must(s == NULL);
    if (strstr(why.text, word) == NULL)
        ck_abort_msg("\"%s\" does not name %s%s", why.text, word, party_note());
}

CONFORMS(options_of_a_subscription_that_cannot_be)
{
    refuse_opts((weir_sub_opts){.group = ""}, "group");
    refuse_opts((weir_sub_opts){.group = too_long()}, "group");
    refuse_opts((weir_sub_opts){.group = "a\nb"}, "group");
    refuse_opts((weir_sub_opts){.group = "\x01"}, "group");
    refuse_opts((weir_sub_opts){.group = "a\x7f"}, "group");
    refuse_opts((weir_sub_opts){.from = (enum weir_from)4}, "from");
    refuse_opts((weir_sub_opts){.from = (enum weir_from)99}, "from");
    refuse_opts((weir_sub_opts){.ack_wait = -1}, "ack_wait");
    refuse_opts((weir_sub_opts){.dead_letter = ""}, "dead");
    refuse_opts((weir_sub_opts){.dead_letter = too_long()}, "dead");
    refuse_opts((weir_sub_opts){.dead_letter = "a\tb"}, "dead");
    if (conf.caps->dead_letter) /* which would never end */
        refuse_opts((weir_sub_opts){.dead_letter = "events"}, "dead");
    /* None of them made the topic. */
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), -ENOENT);
}

CONFORMS(what_is_not_there)
{
    const char *url = conf_url("events", "");
    weir_topic_counts c;
    weir_why why;

    must_eq(weir_topic_get_counts(url, &c, &why), -ENOENT);
    must(why.text[0] != '\0');
    must_eq(weir_topic_remove(url, &why), -ENOENT);
    must(why.text[0] != '\0');
    must_eq(weir_group_remove(url, "g", &why), -ENOENT);
    must(why.text[0] != '\0');
    weir_pub_free(pub_on(""));
    must_eq(weir_group_remove(url, "g", &why), -ENOENT);
    must(strstr(why.text, "g") != NULL);
    must_eq(weir_group_remove(url, "", &why), WEIR_EINVAL);
    must_eq(weir_group_remove(url, too_long(), &why), WEIR_EINVAL);
    must_eq(weir_topic_get_counts(url, &c, &why), 0);
    must(why.text[0] == '\0');
}

CONF_MAIN(CHECK_ENGINES(urls_that_are_none),
          CHECK_ENGINES(options_that_are_none),
          CHECK_ENGINES(handles_that_are_null),
          CHECK_ENGINES(arguments_that_are_null),
          CHECK_ENGINES(a_batch_of_two_subscriptions),
          CHECK_ENGINES(options_of_a_subscription_that_cannot_be),
          CHECK_ENGINES(what_is_not_there))
