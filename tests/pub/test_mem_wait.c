/* SPDX-License-Identifier: MIT */
/* Waiting in the engine `mem`: receivers of whom one keeps the time, and
 * publishers that take turns. Each behaviour by tasks, and by threads. */
#include "mem_checks.h"
#include <sys/wait.h>
#include <unistd.h>

enum { WAITERS = 4 };
#define AN_HOUR (3600 * WEIR_SECOND)

static struct wr_mem_pub *pub;
static struct wr_mem_sub *sub;

static struct wr_mem_topic *locked(void)
{
    must_eq(wr_mem_enter(sub->topic), 0);
    return sub->topic;
}

static void end_all(void)
{
    weir_url *url = mem_url("mem:wait");

    mem_sub_end(sub);
    mem_pub_end(pub);
    must_eq(wr_mem_engine()->topic_remove(url, NULL), 0);
    weir_url_free(url);
}

static void open_all(const char *url)
{
    pub = mem_pub(url);
    sub =
        mem_sub("mem:wait", (weir_sub_opts){.group = "g", .ack_wait = AN_HOUR});
}

/* How many are in a line; all of them linked both ways. */
static int length(const struct wr_mem_line *line)
{
    const struct wr_mem_waiter *w = line->first, *prev = NULL;
    int n = 0;

    for (; w != NULL; prev = w, w = w->next, n++)
        must(w->in_line && w->prev == prev);
    must(line->last == prev);
    return n;
}

static void await_line(const struct wr_mem_line *line, int n)
{
    int now;

    do {
        weir_yield();
        locked();
        now = length(line);
        wr_mem_leave(sub->topic);
    } while (now != n);
}

static struct wr_mem_waiter *keeper(void)
{
    struct wr_mem_topic *t = locked();
    struct wr_mem_waiter *w = sub->group->keeper;

    must(w == NULL || w->in_line);
    wr_mem_leave(t);
    return w;
}

static void post(int n)
{
    must_eq(mem_post(pub, n, NULL, NULL, NULL), 1);
}

static void ack(weir_delivery *d)
{
    must_eq(mem_settle(sub, d, WEIR_SETTLE_ACK, 0), 0);
    wr_mem_delivery_free(sub, d, false);
}

static void nak(weir_delivery *d, int64_t delay)
{
    must_eq(mem_settle(sub, d, WEIR_SETTLE_NAK, delay), 0);
    wr_mem_delivery_free(sub, d, false);
}

/* ---- receivers ----------------------------------------------------------- */

static atomic_int received;

/* Receives one, or finds the end of its context or of the subscription. */
static void receive(void *ctx)
{
    weir_delivery *d;
    const ptrdiff_t got = wr_mem_recv(sub, &d, 1, false, ctx);

    if (got == 1) {
        ack(d);
        atomic_fetch_add(&received, 1);
    } else {
        must(got == (ctx != NULL ? WEIR_CANCELED : WEIR_CLOSED));
    }
}

/* Gives back what it gets, and leaves. */
static void receive_and_leave(void *arg)
{
    weir_delivery *d;

    must_eq(wr_mem_recv(sub, &d, 1, false, NULL), 1);
    nak(d, WEIR_MILLISECOND);
    (void)arg;
}

static void begin_receivers(struct crew *crew, int n)
{
    int before;

    locked();
    before = length(&sub->group->line);
    wr_mem_leave(sub->topic);
    for (int i = 1; i <= n; i++) {
        crew_go(crew, receive, NULL);
        await_line(&sub->group->line, before + i);
    }
}

static void await_received(int n)
{
    while (atomic_load(&received) < n)
        weir_yield();
}

static void end_receivers(struct crew *crew, int n)
{
    await_received(n);
    wr_mem_engine()->sub_close(sub);
    crew_wait(crew);
    must_eq(atomic_load(&received), n);
    must(sub->group->keeper == NULL && sub->group->line.first == NULL);
    check_topic(sub->topic);
    end_all();
}

/* A message that is in the test's hands, for an hour. */
static weir_delivery *hold_one(void)
{
    post(0);
    return mem_take(sub);
}

BEHAVIOUR(nobody_keeps_a_time_that_is_not)
{
    open_all("mem:wait");
    begin_receivers(crew, WAITERS);
    must(keeper() == NULL);
    post(1);
    end_receivers(crew, 1);
}

BEHAVIOUR(one_keeps_the_time_and_the_others_get_the_messages)
{
    struct wr_mem_waiter *first;
    weir_delivery *d;

    open_all("mem:wait");
    d = hold_one();
    begin_receivers(crew, WAITERS);
    first = keeper();
    must(first != NULL);
    for (int i = 1; i < WAITERS; i++) {
        post(i);
        await_received(i);
        must(keeper() == first);
    }
    nak(d, WEIR_MILLISECOND); /* sooner than it thought */
    end_receivers(crew, WAITERS);
}

BEHAVIOUR(who_is_cancelled_hands_the_time_over)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    struct wr_mem_waiter *first, *second;
    weir_delivery *d;

    open_all("mem:wait");
    d = hold_one();
    crew_go(crew, receive, &ctx);
    await_line(&sub->group->line, 1);
    first = keeper();
    must(first != NULL);
    begin_receivers(crew, WAITERS - 1);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    await_line(&sub->group->line, WAITERS - 1);
    while ((second = keeper()) == NULL || second == first)
        weir_yield();
    nak(d, WEIR_MILLISECOND);
    end_receivers(crew, 1);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(a_time_that_begins_finds_somebody_to_keep_it)
{
    open_all("mem:wait");
    crew_go(crew, receive_and_leave, NULL);
    await_line(&sub->group->line, 1);
    begin_receivers(crew, WAITERS - 1);
    must(keeper() == NULL);
    post(1);
    end_receivers(crew, 1);
}

/* One who wakes by the time leaves the rest to those who sleep. */
BEHAVIOUR(what_is_due_together_goes_to_as_many)
{
    weir_delivery *d[2];
    int codes[2];

    open_all("mem:wait");
    d[0] = hold_one();
    d[1] = hold_one();
    begin_receivers(crew, 2);
    must_eq(
        wr_mem_settle(sub, d, 2, WEIR_SETTLE_NAK, 2 * WEIR_MILLISECOND, codes),
        0);
    for (int i = 0; i < 2; i++) {
        must_eq(codes[i], 0);
        wr_mem_delivery_free(sub, d[i], false);
    }
    end_receivers(crew, 2);
}

BEHAVIOUR(a_closed_subscription_leaves_the_time_to_its_mate)
{
    struct wr_mem_sub *mate;
    weir_delivery *d;

    open_all("mem:wait");
    mate = sub;
    d = hold_one();
    sub = mem_sub("mem:wait", (weir_sub_opts){.group = "g"});
    crew_go(crew, receive, NULL); /* the keeper, of the one that is closed */
    await_line(&sub->group->line, 1);
    must(keeper()->owner == sub);
    struct wr_mem_sub *closed = sub;
    sub = mate;
    begin_receivers(crew, 1);
    wr_mem_engine()->sub_close(closed);
    while (keeper() == NULL || keeper()->owner != mate)
        weir_yield();
    nak(d, WEIR_MILLISECOND);
    end_receivers(crew, 1);
    wr_mem_engine()->sub_free(closed);
}

static void receive_closed(void *arg)
{
    weir_delivery *d;

    must_eq(wr_mem_recv(arg, &d, 1, false, NULL), WEIR_CLOSED);
}

/* Woken for a message, and closed before it can take it. */
BEHAVIOUR(who_is_closed_hands_the_message_on)
{
    struct wr_mem_sub *mate;
    weir_delivery *d;

    open_all("mem:wait");
    mate = mem_sub("mem:wait", (weir_sub_opts){.group = "g"});
    d = hold_one();
    begin_receivers(crew, 1); /* keeps the time, so the other one is woken */
    crew_go(crew, receive_closed, mate);
    await_line(&sub->group->line, 2);
    locked();
    mate->closed = true; /* and nobody woken yet */
    wr_mem_leave(sub->topic);
    nak(d, 0);
    end_receivers(crew, 1);
    wr_mem_engine()->sub_free(mate);
}

/* ---- publishers ---------------------------------------------------------- */

struct parcel {
    int n;
    size_t size; /* n, and zeros */
    weir_ctx ctx;
    int code;
};

static int publish(struct parcel *p)
{
    char payload[64] = {0};
    weir_post post = {0};
    ptrdiff_t got;

    memcpy(payload, &p->n, sizeof p->n);
    must_eq(weir_event_new(&post.event, &(weir_event_opts){.payload = payload,
                                                           .size = p->size}),
            0);
    got = wr_mem_publish(pub, &post, 1, &p->ctx);
    weir_event_unref(post.event);
    return got == 1 ? 0 : (int)got;
}

static void publish_one(void *arg)
{
    struct parcel *p = arg;

    p->code = publish(p);
}

/* At the end of the line, behind `ahead` others. */
static void begin_publisher(struct crew *crew, struct parcel *p, int n,
                            size_t size, int ahead)
{
    *p = (struct parcel){.n = n, .size = size, .ctx = WEIR_CTX_INIT};
    crew_go(crew, publish_one, p);
    await_line(&sub->topic->room, ahead + 1);
}

static void take_and_ack(int n)
{
    weir_delivery *d = mem_take(sub);
    int got;

    must(d != NULL);
    memcpy(&got, d->message.event->payload, sizeof got);
    must_eq(got, n);
    ack(d);
}

static void end_publishers(struct crew *crew, struct parcel *p, int n)
{
    crew_wait(crew);
    must(sub->topic->turn == NULL && sub->topic->room.first == NULL);
    for (int i = 0; i < n; i++)
        must_eq(weir_ctx_fini(&p[i].ctx), 0);
    end_all();
}

static void await_last(uint64_t seq)
{
    uint64_t last;

    do {
        weir_yield();
        last = locked()->log.last;
        wr_mem_leave(sub->topic);
    } while (last < seq);
}

BEHAVIOUR(who_waited_first_publishes_first)
{
    struct parcel p[WAITERS];

    open_all("mem:wait?max_messages=2");
    post(0);
    post(1);
    for (int i = 0; i < WAITERS; i++)
        begin_publisher(crew, &p[i], 2 + i, sizeof(int), i);
    for (int i = 0; i < WAITERS; i++) {
        take_and_ack(i);
        await_line(&sub->topic->room, WAITERS - 1 - i);
    }
    for (int i = WAITERS; i < WAITERS + 2; i++) {
        await_last((uint64_t)i + 1);
        take_and_ack(i);
    }
    crew_wait(crew);
    for (int i = 0; i < WAITERS; i++)
        must_eq(p[i].code, 0);
    end_publishers(crew, p, WAITERS);
}

/* A small one would have room, and does not pass a large one. */
static void begin_large(struct crew *crew, struct parcel *p)
{
    struct parcel small = {.n = 9, .size = 4, .ctx = WEIR_CTX_INIT};

    open_all("mem:wait?max_bytes=20");
    for (int i = 0; i < 3; i++)
        post(i);
    begin_publisher(crew, &p[0], 3, 16, 0);
    must_eq(weir_ctx_cancel(&small.ctx, 0), 0);
    must_eq(publish(&small), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&small.ctx), 0);
    begin_publisher(crew, &p[1], 4, 4, 1);
}

BEHAVIOUR(a_large_one_is_not_passed_by_small_ones)
{
    struct parcel p[2];

    begin_large(crew, p);
    take_and_ack(0);
    await_line(&sub->topic->room, 2); /* back at the head of the line */
    take_and_ack(1);
    await_line(&sub->topic->room, 1);
    take_and_ack(2);
    crew_wait(crew);
    must_eq(p[0].code, 0);
    must_eq(p[1].code, 0);
    take_and_ack(3);
    take_and_ack(4);
    end_publishers(crew, p, 2);
}

BEHAVIOUR(the_first_that_gives_up_lets_the_others_go)
{
    struct parcel p[2];

    begin_large(crew, p);
    must_eq(weir_ctx_cancel(&p[0].ctx, 0), 0);
    crew_wait(crew);
    must_eq(p[0].code, WEIR_CANCELED);
    must_eq(p[1].code, 0);
    for (int i = 0; i < 3; i++)
        take_and_ack(i);
    take_and_ack(4);
    end_publishers(crew, p, 2);
}

/* By a receiver that finds a message that has to die. */
BEHAVIOUR(a_death_makes_room)
{
    struct wr_mem_sub *mortal;
    struct parcel p;
    weir_delivery *d;

    open_all("mem:wait?max_messages=1");
    mortal = mem_sub("mem:wait", (weir_sub_opts){.group = "g",
                                                 .ack_wait = AN_HOUR,
                                                 .max_deliveries = 1});
    post(0);
    d = mem_take(mortal);
    begin_publisher(crew, &p, 1, sizeof(int), 0);
    locked()->groups->heap.rows[0]->due = 1; /* its time is over */
    wr_mem_leave(sub->topic);
    for (uint64_t dead = 0; dead == 0;) {
        weir_delivery *next = mem_take(mortal);

        dead = locked()->groups->dead;
        wr_mem_leave(sub->topic);
        must(next == NULL || dead == 1);
        if (next != NULL)
            wr_mem_delivery_free(mortal, next, true);
        weir_yield();
    }
    crew_wait(crew);
    must_eq(p.code, 0);
    wr_mem_delivery_free(mortal, d, true);
    mem_sub_end(mortal);
    end_publishers(crew, &p, 1);
}

/* ---- a fork -------------------------------------------------------------- */

static void use_in_child(void)
{
    weir_delivery *d = mem_take(sub);

    must(d != NULL); /* what need not wait goes on, in the child's copy */
    ack(d);
    must_eq(wr_mem_recv(sub, &d, 1, false, NULL), WEIR_FORKED);
    must(sub->group->line.first == NULL && sub->group->keeper == NULL);
    must_eq(mem_post(pub, 1, NULL, NULL, NULL), 1);
    must_eq(mem_post(pub, 2, NULL, NULL, NULL), WEIR_FORKED);
    must(sub->topic->room.first == NULL && sub->topic->turn == NULL);
}

START_TEST(a_fork_does_not_wait)
{
    int status = -1;
    pid_t child;

    open_all("mem:wait?max_messages=1");
    must_eq(weir_sleep(1, NULL), 0); /* there is a runtime */
    post(0);
    child = fork();
    must(child >= 0);
    if (child == 0) {
        use_in_child();
        _exit(0);
    }
    must_eq(waitpid(child, &status, 0), child);
    must_eq(status, 0);
    ack(mem_take(sub));
    end_all();
}
END_TEST

/* TASKS and THREADS; both at once are in the stress. */
#define CHECK_BOTH(name) CHECK_LOOP(name, 2)

CHECK_MAIN(CHECK_BOTH(nobody_keeps_a_time_that_is_not),
           CHECK_BOTH(one_keeps_the_time_and_the_others_get_the_messages),
           CHECK_BOTH(who_is_cancelled_hands_the_time_over),
           CHECK_BOTH(a_time_that_begins_finds_somebody_to_keep_it),
           CHECK_BOTH(what_is_due_together_goes_to_as_many),
           CHECK_BOTH(a_closed_subscription_leaves_the_time_to_its_mate),
           CHECK_BOTH(who_is_closed_hands_the_message_on),
           CHECK_BOTH(who_waited_first_publishes_first),
           CHECK_BOTH(a_large_one_is_not_passed_by_small_ones),
           CHECK_BOTH(the_first_that_gives_up_lets_the_others_go),
           CHECK_BOTH(a_death_makes_room), CHECK_TEST(a_fork_does_not_wait))
