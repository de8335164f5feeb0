/* SPDX-License-Identifier: MIT */
/*
 * Conformance: what every engine behind weir/pub.h must do, written against
 * the headers alone. A test is written once; it runs for each engine, by
 * tasks alone and by tasks and threads together, on topics of its own.
 *
 * The engines are those that this build has. $WEIR_CONF_ENGINES, names with
 * commas between them, picks some; a name that is none is an error.
 *
 *     CONFORMS(an_ack_is_final)
 *     {
 *         weir_pub *p = pub_on("");
 *         weir_sub *s = sub_on((weir_sub_opts){.group = "g"});
 *         ...
 *     }
 *     CONF_MAIN(CHECK_ENGINES(an_ack_is_final))
 *
 * Handles made by pub_on and sub_on are freed by the test. What must not be
 * there is looked for without waiting, what must come is waited for: so no
 * test depends on how long something takes. A message that could only come
 * because its time ran out does not come: ack_wait is an hour where a test
 * does not say otherwise.
 */
#ifndef CONF_H
#define CONF_H

#include <errno.h>
#include <weir/pub.h>
#include "../chan/parties.h"

/* ---- the frame ----------------------------------------------------------- */

struct conf {
    struct crew *crew;
    const weir_caps *caps; /* of the engine                                 */
    const char *engine;    /* its scheme                                    */
    bool stores;           /* a publish costs a write to a file or a network */
};
extern struct conf conf;

/* Of a test: how many rounds, for engines and modes; before, at the beginning
 * of and after its body. */
enum { CONF_MODES = 2 };
int conf_rounds(void);
void conf_begin(int round);
void conf_enter(struct crew *crew);
void conf_end(void);
int conf_mode(int round);
const char *conf_note(void);

/* Around the whole program. */
void conf_main_begin(void);
int conf_main_end(int status);

static inline void conf_run(int round, void (*body)(struct crew *))
{
    conf_begin(round);
    party_of = conf_note();
    crew_run(conf_mode(round), body);
    conf_end();
}

/* A test of what an engine may be unable to do: caps are fields of weir_caps.
 * That it says so then is tested with the capabilities. */
#define CONFORMS_IF_BOTH(cap, also, name)                                      \
    static void name##_of(void);                                               \
    static void name##_body(struct crew *crew)                                 \
    {                                                                          \
        conf_enter(crew);                                                      \
        if (conf.caps->cap && conf.caps->also)                                 \
            name##_of();                                                       \
    }                                                                          \
    START_TEST(name)                                                           \
    {                                                                          \
        conf_run(_i, name##_body);                                             \
    }                                                                          \
    END_TEST                                                                   \
    static void name##_of(void)

#define CONFORMS_IF(cap, name) CONFORMS_IF_BOTH(cap, cap, name)
#define CONFORMS(name)         CONFORMS_IF(engine, name)

#define CHECK_ENGINES(name)    CHECK_LOOP(name, conf_rounds())

#define CONF_MAIN(...)                                                         \
    int main(void)                                                             \
    {                                                                          \
        conf_main_begin();                                                     \
        const struct check_entry entries_[] = {__VA_ARGS__};                   \
        return conf_main_end(                                                  \
            check_main(entries_, sizeof entries_ / sizeof entries_[0]));       \
    }

/* The next party of the test, and all of them. */
static inline void go(void (*fn)(void *), void *arg)
{
    crew_go(conf.crew, fn, arg);
}

static inline void wait_all(void)
{
    crew_wait(conf.crew);
}

/* n where a publish costs next to nothing, fewer where it costs a write or the
 * build is slow. */
int conf_many(int n);

/* ---- topics -------------------------------------------------------------- */

enum { HOUR = 3600 };
#define AN_HOUR (HOUR * WEIR_SECOND)

/* The URL of a topic of this test, with options ("" or "a=b&c=d"). Valid
 * until the test ends. */
const char *conf_url(const char *topic, const char *options);

/* Opens the topic "events", with options; must succeed. */
weir_pub *pub_on(const char *options);
weir_sub *sub_on(weir_sub_opts o); /* ack_wait 0: an hour                    */
weir_sub *sub_of(const char *topic, weir_sub_opts o);
weir_sub *worker(void); /* of the group "workers"                            */

weir_topic_counts topic_of(const char *topic);
weir_sub_counts counts_of(weir_sub *s);

/* ---- numbered messages --------------------------------------------------- */

/* An event of a number, its payload; key NULL: without one. */
weir_event *event_of(int n, const char *key);
int number_of(const weir_event *e);

/* Publishes one: what weir_pub_publish returns. */
int post_with(weir_pub *p, int n, const char *key, const char *id,
              weir_ctx *ctx);
/* The same where it must be stored; from .. to - 1. */
void post(weir_pub *p, int n);
void post_key(weir_pub *p, int n, const char *key);
void posts(weir_pub *p, int from, int to);

/* Receives the next message, which must come. */
weir_message *take(weir_sub *s);
int number(const weir_message *m);
/* The same, and its number and count of deliveries are these. */
weir_message *take_nth(weir_sub *s, int n, uint32_t deliveries);

/* Settles and frees it, which must succeed. */
void ack(weir_message *m);
void nak(weir_message *m, int64_t delay);
void term(weir_message *m);
/* Frees it as it is. */
void drop(weir_message *m);

/* Takes and acks from .. to - 1, in that order; nothing is there. */
void expect(weir_sub *s, int from, int to);
void expect_nothing(weir_sub *s);

/* Closes it without waiting for what its receivers are about. */
void close_now(weir_sub *s);

/* A context that has ended. */
weir_ctx *ended(void);

#endif
