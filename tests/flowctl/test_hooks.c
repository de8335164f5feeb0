/* SPDX-License-Identifier: MIT */
/*
 * Hooks: who is told, of what, how often; that they may use the channel they
 * are called from, as they are called outside every lock; and that they never
 * call themselves. The destructor is one of them in all of that.
 */
#include <weir/select.h>
#include "flowctl.h"

/* ---- what a hook may do ---------------------------------------------------
 */

/* A hook that uses its channel in every way once, and notes what came of it. */
struct user {
    struct heard h;
    int calls, send, try_send, recv, close, select, stats;
    bool closes;
};

static void use(weir_chan *c, struct user *u)
{
    weir_chan_stats s = {0};
    int v = 77;
    weir_case cs[] = {WEIR_SEND(c, &v)};

    u->calls++;
    u->recv = weir_chan_try_recv(c, &v);
    u->try_send = weir_chan_try_send(c, &v);
    u->send = weir_chan_policy(c) == WEIR_BLOCK ? 0 : send_int(c, 78);
    u->select = weir_try_select(cs, 1) == 0 ? cs[0].status : WEIR_EMPTY;
    u->stats = weir_chan_get_stats(c, &s);
    must_eq(s.sent, s.received + s.dropped + s.queued);
    (void)weir_chan_reset_stats(c);
    (void)weir_chan_is_high(c);
    weir_chan_unref(weir_chan_ref(c));
    if (u->closes)
        u->close = weir_chan_close(c);
}

static void drop_uses(weir_chan *c, const void *elem, enum weir_drop reason,
                      void *arg)
{
    struct user *u = arg;

    hear_drop(c, elem, reason, &u->h);
    if (reason != WEIR_DROP_LEFT)
        use(c, u);
}

static void block_uses(weir_chan *c, void *arg)
{
    use(c, arg);
}

static void error_uses(weir_chan *c, int code, void *arg)
{
    struct user *u = arg;

    hear_error(c, code, &u->h);
    use(c, u);
}

static weir_chan_opts user_opts(struct user *u, enum weir_policy p, size_t cap)
{
    weir_chan_opts o = opts_of(p, cap, NULL);

    o.hooks = (weir_chan_hooks){.on_drop = drop_uses,
                                .on_block = block_uses,
                                .on_error = error_uses,
                                .arg = u};
    return o;
}

/* A drop: the hook takes the oldest, puts something in its place, and then
 * may not drop again: that is its own send's failure, and nobody is told. */
BEHAVIOUR(a_drop_hook_uses_its_channel)
{
    struct user u = {.closes = false};
    const weir_chan_opts o = user_opts(&u, WEIR_DROP, 2);
    weir_chan *c = chan_of(&o);

    must_eq(send_int(c, 1), 0);
    must_eq(send_int(c, 2), 0);
    must_eq(send_int(c, 3), 0);
    must_eq(u.calls, 1);
    must_eq(u.h.elem[0], 3);
    must_eq(u.recv, 0);
    must_eq(u.try_send, 0);
    must_eq(u.send, WEIR_FULL);
    must_eq(u.select, WEIR_FULL);
    must_eq(u.stats, 0);
    must_eq(u.h.errors, 0);
    must_eq(try_recv_int(c), 2);
    must_eq(try_recv_int(c), 1); /* what the hook had received, sent again */
    weir_chan_unref(c);
    must_eq(u.h.drops, 1);
    (void)crew;
}

static void send_own_way(weir_chan *c, int way)
{
    int v[] = {5, 6, 7};
    weir_case cs[] = {WEIR_SEND(c, v)};

    if (way == 0)
        must_eq(weir_chan_send(c, v, NULL), 0);
    else if (way == 1)
        must_eq(weir_chan_try_send(c, v), 0);
    else if (way == 2)
        must_eq(weir_chan_send_n(c, v, 1, NULL), 1);
    else
        must(weir_select(cs, 1, NULL) == 0 && cs[0].status == 0);
}

/* Under each policy that drops, by each way in: one send, one call. */
BEHAVIOUR(each_policy_calls_once)
{
    static const enum weir_policy drops[] = {WEIR_DROP, WEIR_DROP_OLDEST,
                                             WEIR_LATEST, WEIR_SAMPLE};
    int i, way;

    for (i = 0; i < 16; i++) {
        struct user u = {.closes = i % 2 == 0};
        const weir_chan_opts o = user_opts(&u, drops[i % 4], 1);
        weir_chan *c = chan_of(&o);

        way = i / 4;
        must_eq(send_int(c, 1), 0);
        send_own_way(c, way);
        must_eq(u.calls, 1);
        must_eq(u.h.drops, 1);
        must_eq(weir_chan_is_closed(c), u.closes);
        account(c);
        weir_chan_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(an_error_hook_uses_its_channel)
{
    struct user u = {.closes = true};
    const weir_chan_opts o = user_opts(&u, WEIR_ERROR, 1);
    weir_chan *c = chan_of(&o);

    must_eq(send_int(c, 1), 0);
    must_eq(send_int(c, 2), WEIR_FULL);
    must_eq(u.calls, 1);
    must_eq(u.h.code[0], WEIR_FULL);
    must_eq(u.recv, 0);
    must_eq(u.try_send, 0);
    must_eq(u.send, WEIR_FULL);
    must_eq(u.close, 0);
    must_eq(send_int(c, 2), WEIR_CLOSED);
    must_eq(u.calls, 2);
    must_eq(u.h.code[1], WEIR_CLOSED);
    weir_chan_unref(c);
    (void)crew;
}

/* It is about to wait, and the hook makes room: so it does not wait. */
static void make_room(weir_chan *c, void *arg)
{
    hear_block(c, arg);
    must(try_recv_int(c) >= 0);
}

BEHAVIOUR(a_block_hook_makes_room)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 2, &h);
    weir_chan *c;
    int i;

    o.hooks.on_block = make_room;
    c = chan_of(&o);
    for (i = 0; i < 100; i++)
        must_eq(send_int(c, i), 0);
    must_eq(h.blocks, 98);
    must_eq(account(c).blocked_sends, 98);
    must_eq(try_recv_int(c), 98);
    must_eq(h.errors, 0);
    weir_chan_unref(c);
    must_eq(h.drops, 1); /* 99, left */
    must_eq(h.elem[0], 99);
    must_eq(h.reason[0], WEIR_DROP_LEFT);
    (void)crew;
}

/* From its hook the one producer is no second one: it is told that the channel
 * is full, in debug builds as well. */
static void send_and_make_room(weir_chan *c, void *arg)
{
    int v = -1;

    (void)arg;
    must_eq(weir_chan_try_send(c, &v), WEIR_FULL);
    must_eq(weir_chan_try_recv(c, &v), 0);
}

BEHAVIOUR(a_block_hook_of_the_one_producer_sends)
{
    const weir_chan_opts o = {.elem_size = sizeof(int),
                              .capacity = 1,
                              .single_producer = true,
                              .hooks = {.on_block = send_and_make_room}};
    weir_chan *c = chan_of(&o);
    int i;

    for (i = 0; i < 10; i++)
        must_eq(send_int(c, i), 0);
    must_eq(try_recv_int(c), 9);
    must_eq(try_recv_int(c), -1);
    weir_chan_unref(c);
    (void)crew;
}

static void shut(weir_chan *c, void *arg)
{
    hear_block(c, arg);
    must_eq(weir_chan_close(c), 0);
}

BEHAVIOUR(a_block_hook_closes)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 0, &h);
    weir_chan *c;

    o.hooks.on_block = shut;
    c = chan_of(&o);
    must_eq(send_int(c, 1), WEIR_CLOSED);
    must_eq(h.blocks, 1);
    must_eq(h.errors, 1);
    must_eq(h.code[0], WEIR_CLOSED);
    weir_chan_unref(c);
    must_eq(h.drops, 0);
    (void)crew;
}

/* A receive that would wait for ever but for the hook of the sender. */
static void wait_inside(weir_chan *c, const void *elem, enum weir_drop reason,
                        void *arg)
{
    weir_chan *other = arg;

    must_eq(weir_chan_send(other, elem, NULL), 0); /* a rendezvous: it waits */
    must(c != other && reason == WEIR_DROP_NEWEST);
}

static void receive_ten(void *arg)
{
    weir_chan *c = arg;
    int i, v;

    for (i = 0; i < 10; i++)
        must_eq(weir_chan_recv(c, &v, NULL), 0);
}

BEHAVIOUR(a_hook_may_wait)
{
    weir_chan *other = weir_chan_new(sizeof(int), 0);
    weir_chan_opts o = opts_of(WEIR_DROP, 0, NULL);
    weir_chan *c;
    int i;

    o.hooks = (weir_chan_hooks){.on_drop = wait_inside, .arg = other};
    c = chan_of(&o);
    crew_go(crew, receive_ten, other);
    for (i = 0; i < 10; i++)
        must_eq(send_int(c, i), 0);
    crew_wait(crew);
    weir_chan_unref(c);
    weir_chan_unref(other);
}

/* ---- how often ------------------------------------------------------------
 */

struct many {
    weir_chan *c;
    int n;
};

static void send_n_times(void *arg)
{
    const struct many *m = arg;
    int i;

    for (i = 0; i < m->n; i++)
        must_eq(send_int(m->c, i), 0);
}

/* However often a sender wakes, it blocks once: the hook, and the count. */
BEHAVIOUR(on_block_as_often_as_blocked_sends)
{
    struct heard h = {0};
    const weir_chan_opts o = opts_of(WEIR_BLOCK, 2, &h);
    struct many m = {chan_of(&o), check_scale(300)};
    int i, v;

    for (i = 0; i < 5; i++)
        crew_go(crew, send_n_times, &m);
    await_blocked_sends(m.c, 5);
    must_eq(account(m.c).blocked_sends, 5);
    for (i = 0; i < 5 * m.n; i++)
        must_eq(weir_chan_recv(m.c, &v, NULL), 0);
    crew_wait(crew);
    must(h.blocks >= 5 && h.blocks <= 5 * m.n - 2);
    must_eq(h.blocks, account(m.c).blocked_sends);
    must_eq(h.drops, 0);
    must_eq(h.errors, 0);
    weir_chan_unref(m.c);
}

BEHAVIOUR(on_error_for_each_code)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_BLOCK, 1, &h);
    weir_ctx ended, late;
    weir_chan *c;
    int v = 1;

    o.hooks.on_block = NULL;
    c = chan_of(&o);
    must_eq(weir_ctx_init(&ended, NULL), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_ctx_init_timeout(&late, NULL, 0), 0);
    must_eq(weir_chan_recv(c, &v, &ended), WEIR_CANCELED);
    must_eq(weir_chan_recv(c, &v, &late), WEIR_TIMEDOUT);
    must_eq(weir_chan_try_recv(c, &v), WEIR_EMPTY); /* no failure */
    must_eq(weir_chan_send(c, &v, &ended), 0);      /* need not wait */
    must_eq(weir_chan_send(c, &v, &ended), WEIR_CANCELED);
    must_eq(weir_chan_send(c, &v, &late), WEIR_TIMEDOUT);
    must_eq(weir_chan_try_send(c, &v), WEIR_FULL);
    must_eq(weir_chan_close(c), 0);
    must_eq(weir_chan_send(c, &v, NULL), WEIR_CLOSED);
    must_eq(weir_chan_recv(c, &v, NULL), 0);
    must_eq(weir_chan_recv(c, &v, NULL), WEIR_CLOSED); /* the normal end */
    must_eq(h.errors, 6);
    must_eq(h.code[0], WEIR_CANCELED);
    must_eq(h.code[1], WEIR_TIMEDOUT);
    must_eq(h.code[2], WEIR_CANCELED);
    must_eq(h.code[3], WEIR_TIMEDOUT);
    must_eq(h.code[4], WEIR_FULL);
    must_eq(h.code[5], WEIR_CLOSED);
    must_eq(account(c).canceled, 2);
    must_eq(account(c).timed_out, 2);
    must_eq(account(c).refused, 1);
    must_eq(weir_ctx_fini(&ended), 0);
    must_eq(weir_ctx_fini(&late), 0);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- the destructor, and the end of a channel -----------------------------
 */

static atomic_int destroyed, destroyed_sum;

static void destroy_int(void *elem)
{
    atomic_fetch_add(&destroyed, 1);
    atomic_fetch_add(&destroyed_sum, *(int *)elem);
}

/* Each element that nobody received, once, and after the hook. */
BEHAVIOUR(the_destructor_owns_the_rest)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(WEIR_DROP_OLDEST, 3, &h);
    weir_chan *c;
    int i;

    o.destroy = destroy_int;
    c = chan_of(&o);
    for (i = 1; i <= 10; i++)
        must_eq(send_int(c, i), 0); /* 1..7 are dropped */
    must_eq(atomic_load(&destroyed), 7);
    must_eq(atomic_load(&destroyed_sum), 28);
    must_eq(try_recv_int(c), 8);
    must_eq(weir_chan_close(c), 0);
    must_eq(send_int(c, 11), WEIR_CLOSED); /* stays the caller's */
    must_eq(atomic_load(&destroyed), 7);
    weir_chan_unref(c);
    must_eq(atomic_load(&destroyed), 9);
    must_eq(atomic_load(&destroyed_sum), 28 + 9 + 10);
    must_eq(h.drops, 9);
    must_eq(h.reason[7], WEIR_DROP_LEFT);
    must_eq(h.elem[7], 9);
    must_eq(h.reason[8], WEIR_DROP_LEFT);
    must_eq(h.elem[8], 10);
    (void)crew;
}

static weir_chan *sent_to;
static int sent_result;

static void destroy_and_send(void *elem)
{
    sent_result = weir_chan_try_send(sent_to, elem);
    atomic_fetch_add(&destroyed, 1);
}

/* A destructor that sends gets room, or FULL, or in the end CLOSED: never
 * itself again. */
BEHAVIOUR(a_destructor_may_send)
{
    static const enum weir_policy drops[] = {WEIR_DROP, WEIR_DROP_OLDEST,
                                             WEIR_LATEST, WEIR_SAMPLE};
    int i;

    for (i = 0; i < 4; i++) {
        weir_chan_opts o = opts_of(drops[i], 1, NULL);
        o.destroy = destroy_and_send;
        o.sample_every = drops[i] == WEIR_SAMPLE ? UINT32_MAX : 0;
        atomic_store(&destroyed, 0);
        sent_to = chan_of(&o);
        must_eq(send_int(sent_to, 1), 0);
        must_eq(send_int(sent_to, 2), 0);
        must_eq(sent_result, WEIR_FULL);
        must_eq(atomic_load(&destroyed), 1);
        weir_chan_unref(sent_to);
        must_eq(sent_result, WEIR_CLOSED);
    }
    (void)crew;
}

/* At the end it may be looked at, not used. */
static void look_at_the_end(weir_chan *c, const void *elem,
                            enum weir_drop reason, void *arg)
{
    weir_chan_stats s;
    int v = 9;

    hear_drop(c, elem, reason, arg);
    must_eq(reason, WEIR_DROP_LEFT);
    must(weir_chan_is_closed(c));
    must_eq(weir_chan_try_send(c, &v), WEIR_CLOSED);
    must_eq(weir_chan_send(c, &v, NULL), WEIR_CLOSED);
    must_eq(weir_chan_get_stats(c, &s), 0);
    must_eq(s.sent, s.received + s.dropped + s.queued);
    must(strcmp(weir_chan_name(c), "ending") == 0);
    weir_chan_unref(weir_chan_ref(c));
    must_eq(weir_chan_close(c), 0);
}

BEHAVIOUR(what_is_left_may_look_at_the_channel)
{
    static const enum weir_policy with_buffer[] = {WEIR_BLOCK, WEIR_DROP,
                                                   WEIR_ERROR, WEIR_SAMPLE};
    int i, k;

    for (i = 0; i < 4; i++) {
        struct heard h = {0};
        weir_chan_opts o = opts_of(with_buffer[i], 5, &h);
        weir_chan *c;

        o.hooks.on_drop = look_at_the_end;
        o.hooks.on_block = NULL;
        o.name = "ending";
        c = chan_of(&o);
        for (k = 0; k < 5; k++)
            must_eq(send_int(c, k), 0);
        weir_chan_unref(c);
        must_eq(h.drops, 5);
        for (k = 0; k < 5; k++)
            must_eq(h.elem[k], k);
        must_eq(h.errors, 0); /* its own sends: it knows */
    }
    (void)crew;
}

/* ---- a channel that goes while its hook runs ------------------------------
 */

struct last {
    weir_chan *c;
    atomic_bool inside, gone;
    atomic_int drops;
};

static void outlive(weir_chan *c, const void *elem, enum weir_drop reason,
                    void *arg)
{
    struct last *l = arg;

    (void)elem;
    atomic_fetch_add(&l->drops, 1);
    if (reason == WEIR_DROP_LEFT)
        return;
    atomic_store(&l->inside, true);
    while (!atomic_load(&l->gone))
        weir_yield();
    must_eq(weir_chan_cap(c), 1);
    account(c);
}

static void drop_one(void *arg)
{
    struct last *l = arg;

    must_eq(send_int(l->c, 2), 0);
}

BEHAVIOUR(a_hook_keeps_its_channel)
{
    int i;

    for (i = 0; i < 20; i++) {
        struct last l = {.gone = false};
        weir_chan_opts o =
            opts_of(i % 2 ? WEIR_DROP : WEIR_DROP_OLDEST, 1, NULL);

        o.hooks = (weir_chan_hooks){.on_drop = outlive, .arg = &l};
        o.timed_every = i % 4 < 2;
        l.c = chan_of(&o);
        must_eq(send_int(l.c, 1), 0);
        crew_go(crew, drop_one, &l);
        while (!atomic_load(&l.inside))
            weir_yield();
        weir_chan_unref(l.c);
        atomic_store(&l.gone, true);
        crew_wait(crew);
        must_eq(atomic_load(&l.drops), 2);
    }
}

/* A hook may give back the last reference of its own channel. */
static void give_back(weir_chan *c, int code, void *arg)
{
    must_eq(code, WEIR_FULL);
    atomic_fetch_add((atomic_int *)arg, 1);
    weir_chan_unref(c);
}

BEHAVIOUR(a_hook_gives_back_the_last_reference)
{
    atomic_int calls = 0;
    weir_chan_opts o = opts_of(WEIR_ERROR, 0, NULL);

    o.hooks = (weir_chan_hooks){.on_error = give_back, .arg = &calls};
    must_eq(send_int(chan_of(&o), 1), WEIR_FULL);
    must_eq(try_send_int(chan_of(&o), 1), WEIR_FULL);
    must_eq(atomic_load(&calls), 2);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(a_drop_hook_uses_its_channel),
           CHECK_MODES(each_policy_calls_once),
           CHECK_MODES(an_error_hook_uses_its_channel),
           CHECK_MODES(a_block_hook_makes_room),
           CHECK_MODES(a_block_hook_of_the_one_producer_sends),
           CHECK_MODES(a_block_hook_closes), CHECK_MODES(a_hook_may_wait),
           CHECK_MODES(on_block_as_often_as_blocked_sends),
           CHECK_MODES(on_error_for_each_code),
           CHECK_MODES(the_destructor_owns_the_rest),
           CHECK_MODES(a_destructor_may_send),
           CHECK_MODES(what_is_left_may_look_at_the_channel),
           CHECK_MODES(a_hook_keeps_its_channel),
           CHECK_MODES(a_hook_gives_back_the_last_reference))
