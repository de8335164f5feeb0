/* SPDX-License-Identifier: MIT */
/* What an engine says of itself is so: what it says it can do works, what it
 * cannot is WEIR_UNSUPPORTED when it is asked for. */
#include "conf.h"

CONFORMS(publishers_and_subscriptions_say_the_same)
{
    weir_pub *p = pub_on("max_messages=3&on_full=error");
    weir_sub *s = worker();

    must(weir_pub_caps(p) == weir_sub_caps(s));
    must(strcmp(weir_pub_caps(p)->engine, conf.engine) == 0);
    must(weir_pub_caps(p)->max_message > 0);
    weir_sub_free(s);
    weir_pub_free(p);
}

/* Opens it so, or not. */
static void must_open_if(bool can, weir_sub_opts o)
{
    weir_sub *s = NULL;
    weir_why why;

    must_eq(weir_sub_open(&s, conf_url("events", ""), &o, &why),
            can ? 0 : WEIR_UNSUPPORTED);
    must((s != NULL) == can);
    must((why.text[0] == '\0') == can);
    weir_sub_free(s);
}

CONFORMS(where_a_group_may_begin)
{
    weir_pub *p = pub_on("");

    must_open_if(true, (weir_sub_opts){.from = WEIR_FROM_BEGIN});
    must_open_if(true, (weir_sub_opts){.from = WEIR_FROM_END});
    must_open_if(conf.caps->from_seq,
                 (weir_sub_opts){.from = WEIR_FROM_SEQ, .seq = 1});
    must_open_if(conf.caps->from_time,
                 (weir_sub_opts){.from = WEIR_FROM_TIME, .time = 1});
    must_open_if(conf.caps->dead_letter, (weir_sub_opts){.max_deliveries = 2});
    must_open_if(conf.caps->dead_letter, (weir_sub_opts){.dead_letter = "d"});
    weir_pub_free(p);
}

CONFORMS(what_a_publish_may_have)
{
    static const weir_event_header header = {"name", "value"};
    weir_pub *p = pub_on("");
    weir_event *e = NULL;

    must_eq(weir_event_new(
                &e, &(weir_event_opts){.headers = &header, .header_count = 1}),
            0);
    must_eq(weir_pub_publish(p, e, NULL, NULL),
            conf.caps->headers ? 0 : WEIR_UNSUPPORTED);
    must_eq(weir_pub_publish(p, NULL, "id", NULL),
            conf.caps->dedup ? 0 : WEIR_UNSUPPORTED);
    must_eq(topic_of("events").messages, conf.caps->headers + conf.caps->dedup);
    weir_event_unref(e);
    weir_pub_free(p);
}

CONFORMS(how_a_message_may_be_settled)
{
    weir_pub *p = pub_on("");
    weir_sub *s = worker();
    weir_message *m;

    posts(p, 0, 2);
    m = take_nth(s, 0, 1);
    must_eq(weir_message_in_progress(m, NULL),
            conf.caps->in_progress ? 0 : WEIR_UNSUPPORTED);
    must_eq(weir_message_nak(m, AN_HOUR, NULL),
            conf.caps->delay ? 0 : WEIR_UNSUPPORTED);
    must_eq(weir_message_nak(m, 0, NULL), conf.caps->delay ? WEIR_EMPTY : 0);
    weir_message_free(m);
    m = take(s);
    must_eq(weir_message_term(m, NULL),
            conf.caps->dead_letter ? 0 : WEIR_UNSUPPORTED);
    weir_message_free(m);
    weir_sub_free(s);
    weir_pub_free(p);
}

CONFORMS(a_full_topic_holds_back_if_it_can)
{
    const char *url = conf_url("events", "max_messages=1");
    weir_pub *p = NULL;
    weir_why why;

    must_eq(weir_pub_open(&p, url, &why),
            conf.caps->block ? 0 : WEIR_UNSUPPORTED);
    if (conf.caps->block) {
        post(p, 1);
        must_eq(post_with(p, 2, NULL, NULL, ended()), WEIR_CANCELED);
    }
    weir_pub_free(p);
    must_eq(weir_pub_open(&p, conf_url("events", "on_full=block"), NULL),
            conf.caps->block ? 0 : WEIR_UNSUPPORTED);
    weir_pub_free(p);
    p = pub_on("max_messages=1&on_full=error");
    weir_pub_free(p);
}

/* In one process a topic stays when nobody has it open, for every engine. */
CONFORMS(a_topic_stays)
{
    weir_pub *p = pub_on("");
    weir_sub *s;

    posts(p, 0, 3);
    weir_pub_free(p);
    must_eq(topic_of("events").messages, 3);
    s = worker();
    expect(s, 0, 3);
    weir_sub_free(s);
    must_eq(topic_of("events").messages, 3);
}

CONF_MAIN(CHECK_ENGINES(publishers_and_subscriptions_say_the_same),
          CHECK_ENGINES(where_a_group_may_begin),
          CHECK_ENGINES(what_a_publish_may_have),
          CHECK_ENGINES(how_a_message_may_be_settled),
          CHECK_ENGINES(a_full_topic_holds_back_if_it_can),
          CHECK_ENGINES(a_topic_stays))
