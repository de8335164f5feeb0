/* SPDX-License-Identifier: MIT */
/* In the child of a fork what would wait says so, and what need not may work;
 * nothing hangs. The parent goes on. */
#include <sys/wait.h>
#include <unistd.h>
#include <weir/consumer.h>
#include "waiting.h"

static weir_pub *p;
static weir_sub *s;
static weir_message *m;
static weir_consumer *c;
static ints *gate;

static int handle(const weir_message *got, weir_ctx *ctx, void *arg)
{
    int result = -1;

    (void)got, (void)arg;
    return ints_recv(gate, &result, ctx) ? WEIR_CANCELED : result;
}

/* A topic that is full, one message that is held, and one that is handled.
 * Both workers have come to where they wait: a lock that one of them held at
 * the fork would stay locked in the child. */
static void set_up(void)
{
    int i;

    gate = ints_new(0);
    must_eq(weir_pub_open(&p, "mem:forked?max_messages=2", NULL), 0);
    must_eq(
        weir_sub_open(&s, "mem:forked", &(weir_sub_opts){.group = "g"}, NULL),
        0);
    for (i = 0; i < 2; i++)
        must_eq(weir_pub_publish(p, NULL, NULL, NULL), 0);
    must_eq(weir_sub_recv(s, &m, NULL), 0);
    must_eq(
        weir_consumer_start(
            &c, &(weir_consumer_opts){.sub = s, .fn = handle, .workers = 2}),
        0);
    await_waiting("channel receive", 1);
    await_waiting("semaphore", 1);
}

/* The number of the first wrong answer. */
static int first_wrong_answer(void)
{
    weir_consumer_opts o = {.sub = s, .fn = handle};
    weir_consumer *c2;
    weir_message *m2;
    const struct {
        int want, got;
    } answers[] = {
        {WEIR_FORKED, weir_pub_publish(p, NULL, NULL, NULL)},
        {WEIR_FORKED, weir_sub_recv(s, &m2, NULL)},
        {WEIR_EMPTY, weir_sub_try_recv(s, &m2)},
        {WEIR_FORKED, weir_consumer_start(&c2, &o)},
        {WEIR_FORKED, weir_consumer_join(c)},
        {WEIR_FORKED, weir_sub_close(s, NULL)},
        {0, weir_message_ack(m, NULL)},
        {WEIR_FORKED, weir_sub_close(s, NULL)}, /* one is being handled */
        {0, weir_pub_close(p, NULL)},
        {WEIR_CLOSED, weir_pub_publish(p, NULL, NULL, NULL)},
        {WEIR_FORKED, weir_consumer_free(c)},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].got != answers[i].want) {
            fprintf(stderr, "answer %zu is %s\n", i,
                    weir_errname(answers[i].got));
            return (int)i + 1;
        }
    return 0;
}

START_TEST(a_child_that_publishes_and_subscribes)
{
    int status = -1;
    pid_t pid;

    set_up();
    pid = fork();
    must(pid >= 0);
    if (pid == 0)
        _exit(first_wrong_answer());
    must_eq(waitpid(pid, &status, 0), pid);
    must(WIFEXITED(status));
    must_eq(WEXITSTATUS(status), 0);

    put(gate, 0); /* here it all goes on */
    must_eq(weir_consumer_stop(c, WEIR_CONSUMER_DRAIN, NULL), 0);
    must_eq(weir_message_ack(m, NULL), 0);
    must_eq(weir_pub_publish(p, NULL, NULL, NULL), 0);
    weir_message_free(m);
    must_eq(weir_consumer_free(c), 0);
    must_eq(weir_sub_close(s, NULL), 0);
    weir_sub_free(s);
    weir_pub_free(p);
    ints_unref(gate);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_child_that_publishes_and_subscribes))
