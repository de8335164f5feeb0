/* SPDX-License-Identifier: MIT */
/*
 * Balance: even shares, the least loaded, a key's own target; the set of
 * targets changes under those who send, and nothing is lost.
 */
#include "../chan/parties.h"
#include "base/mem.h"

enum { PARTIES = 4, WIDE = 3, MANY = 20, KEYS = 3000 };

static uint64_t own_value(const void *elem, void *arg)
{
    (void)arg;
    return (uint64_t) * (const int *)elem;
}

struct set {
    weir_balance *b;
    ints *c[MANY];
    int n;
};

/* Targets with the ids 1..n. */
static struct set set_of(enum weir_balance_by by, int n, size_t capacity)
{
    struct set s = {.n = n};
    int i;

    s.b = weir_balance_new(&(weir_balance_opts){
        .by = by, .elem_size = sizeof(int), .key = own_value});
    must(s.b != NULL);
    for (i = 0; i < n; i++) {
        s.c[i] = ints_new(capacity);
        must_eq(weir_balance_add(s.b, ints_base(s.c[i]), (uint64_t)i + 1), 0);
    }
    return s;
}

static void set_free(struct set *s)
{
    int i;

    weir_balance_free(s->b);
    for (i = 0; i < s->n; i++)
        ints_unref(s->c[i]);
}

static int send_to(weir_balance *b, int value)
{
    return weir_balance_send(b, &value, NULL);
}

static int try_to(weir_balance *b, int value)
{
    return weir_balance_try_send(b, &value);
}

/* ---- in turn ------------------------------------------------------------- */

BEHAVIOUR(in_turn_shares_are_even)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, WIDE, 10);
    int i;

    must_eq(weir_balance_count(s.b), WIDE);
    for (i = 0; i < 5 * WIDE; i++) {
        must_eq(send_to(s.b, i), 0);
        must_eq(ints_len(s.c[i % WIDE]), (size_t)i / WIDE + 1);
    }
    for (i = 0; i < WIDE; i++)
        must_eq(get(s.c[i]), i);
    set_free(&s);
    (void)crew;
}

BEHAVIOUR(in_turn_passes_the_closed)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, WIDE, 10);
    int i;

    ints_close(s.c[1]);
    must_eq(weir_balance_count(s.b), WIDE - 1);
    for (i = 0; i < 10; i++)
        must_eq(send_to(s.b, i), 0);
    must_eq(ints_len(s.c[0]), 5); /* and not five and five to its neighbour */
    must_eq(ints_len(s.c[2]), 5);
    ints_close(s.c[0]);
    ints_close(s.c[2]);
    must_eq(send_to(s.b, 1), WEIR_CLOSED);
    must_eq(try_to(s.b, 1), WEIR_CLOSED);
    must_eq(weir_balance_count(s.b), 0);
    set_free(&s);
    s = set_of(WEIR_BALANCE_IN_TURN, 0, 0);
    must_eq(send_to(s.b, 1), WEIR_CLOSED);
    set_free(&s);
    (void)crew;
}

BEHAVIOUR(in_turn_passes_the_full)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, WIDE, 2);
    int i;

    for (i = 0; i < 2 * WIDE; i++)
        must_eq(send_to(s.b, i), 0);
    must_eq(try_to(s.b, 9), WEIR_FULL);
    get(s.c[1]);
    get(s.c[1]);
    must_eq(try_to(s.b, 9), 0);
    must_eq(send_to(s.b, 9), 0);
    must_eq(ints_len(s.c[1]), 2);
    must_eq(try_to(s.b, 9), WEIR_FULL);
    set_free(&s);
    (void)crew;
}

/* ---- by load ------------------------------------------------------------- */

BEHAVIOUR(by_load_the_least_part_in_use)
{
    struct set s = set_of(WEIR_BALANCE_BY_LOAD, 0, 0);
    const size_t caps[WIDE] = {2, 4, 8};
    int i;

    s.n = WIDE;
    for (i = 0; i < WIDE; i++) {
        s.c[i] = ints_new(caps[i]);
        must_eq(weir_balance_add(s.b, ints_base(s.c[i]), (uint64_t)i + 1), 0);
    }
    for (i = 0; i < 7; i++)
        must_eq(send_to(s.b, i), 0);
    for (i = 0; i < WIDE; i++) /* each half full */
        must_eq(ints_len(s.c[i]), caps[i] / 2);
    put(s.c[2], 7);
    get(s.c[0]);
    must_eq(send_to(s.b, 8), 0);
    must_eq(ints_len(s.c[0]), 1);
    ints_close(s.c[1]);
    must_eq(send_to(s.b, 9), 0);
    must_eq(ints_len(s.c[0]), 2); /* a half is less than five eighths */
    for (i = 0; i < 3; i++)
        must_eq(try_to(s.b, 9), 0);
    must_eq(try_to(s.b, 9), WEIR_FULL);
    set_free(&s);
    (void)crew;
}

/* A rendezvous is never in use: only trying tells whether somebody waits. */
static void take_one(void *arg)
{
    must_eq(get(arg), 3);
}

BEHAVIOUR(by_load_finds_the_receiver)
{
    struct set s = set_of(WEIR_BALANCE_BY_LOAD, WIDE, 0);

    must_eq(try_to(s.b, 3), WEIR_FULL);
    crew_go(crew, take_one, s.c[1]);
    must_eq(send_to(s.b, 3), 0);
    crew_wait(crew);
    set_free(&s);
}

/* ---- by key -------------------------------------------------------------- */

static void targets(weir_balance *b, uint64_t *id)
{
    int k;

    for (k = 0; k < KEYS; k++)
        id[k] = weir_balance_target(b, (uint64_t)k);
}

BEHAVIOUR(by_key_always_the_same)
{
    struct set s = set_of(WEIR_BALANCE_BY_KEY, WIDE, 2 * KEYS);
    uint64_t id[KEYS];
    int k, share[WIDE + 1] = {0};

    targets(s.b, id);
    for (k = 0; k < KEYS; k++) {
        must_eq(send_to(s.b, k), 0);
        must_eq(try_to(s.b, k), 0);
        must_eq(ints_len(s.c[id[k] - 1]), (size_t)(share[id[k]] += 2));
    }
    for (k = 1; k <= WIDE; k++) /* a third each, within five in a hundred */
        must(abs(share[k] - 2 * KEYS / WIDE) < 2 * KEYS / 20);
    set_free(&s);
    (void)crew;
}

/* Other processes and releases must agree. */
BEHAVIOUR(by_key_the_choice_is_fixed)
{
    static const char expected[] = "487821338543767464131962";
    struct set s = set_of(WEIR_BALANCE_BY_KEY, 9, 1);
    int k;

    for (k = 0; expected[k]; k++)
        must_eq(weir_balance_target(s.b, (uint64_t)k * 1000003),
                expected[k] - '0');
    set_free(&s);
    (void)crew;
}

BEHAVIOUR(by_key_few_keys_move)
{
    struct set s = set_of(WEIR_BALANCE_BY_KEY, 4, 1);
    uint64_t before[KEYS], after[KEYS];
    ints *more = ints_new(1);
    int k, moved = 0;

    targets(s.b, before);
    must_eq(weir_balance_add(s.b, ints_base(more), 50), 0);
    targets(s.b, after);
    for (k = 0; k < KEYS; k++) {
        must(after[k] == before[k] || after[k] == 50);
        moved += after[k] == 50;
    }
    must(abs(moved - KEYS / 5) < KEYS / 20);

    must_eq(weir_balance_remove(s.b, 50), 0);
    targets(s.b, after);
    must_eq(memcmp(before, after, sizeof before), 0);

    ints_close(s.c[2]);
    targets(s.b, after);
    for (k = 0; k < KEYS; k++)
        must(before[k] == 3 ? after[k] != 3 : after[k] == before[k]);
    must_eq(weir_balance_remove(s.b, 3), 0);
    targets(s.b, before);
    must_eq(memcmp(before, after, sizeof before), 0);
    ints_unref(more);
    set_free(&s);
    (void)crew;
}

/* ---- waiting ------------------------------------------------------------- */

struct sender {
    weir_balance *b;
    int value, result;
    weir_ctx *ctx;
    atomic_bool done;
};

static void send_one(void *arg)
{
    struct sender *s = arg;

    s->result = weir_balance_send(s->b, &s->value, s->ctx);
    atomic_store(&s->done, true);
}

BEHAVIOUR(waits_for_room_at_any)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, WIDE, 1);
    struct sender sender = {.b = s.b, .value = 7};
    int i;

    for (i = 0; i < WIDE; i++)
        must_eq(send_to(s.b, i), 0);
    crew_go(crew, send_one, &sender);
    settle();
    must_eq(get(s.c[2]), 2);
    must_eq(get(s.c[2]), 7);
    crew_wait(crew);
    must_eq(sender.result, 0);
    set_free(&s);
}

BEHAVIOUR(by_key_waits_for_its_own)
{
    struct set s = set_of(WEIR_BALANCE_BY_KEY, WIDE, 1);
    struct sender sender = {.b = s.b, .value = 7};
    const uint64_t own = weir_balance_target(s.b, 7) - 1;
    int i;

    must_eq(send_to(s.b, 7), 0);
    must_eq(try_to(s.b, 7), WEIR_FULL);
    crew_go(crew, send_one, &sender);
    settle();
    for (i = 0; i < WIDE; i++)
        must_eq(ints_len(s.c[i]), i == (int)own);
    must_eq(get(s.c[own]), 7);
    must_eq(get(s.c[own]), 7);
    crew_wait(crew);

    must_eq(send_to(s.b, 7), 0); /* its own is closed while it waits */
    atomic_store(&sender.done, false);
    crew_go(crew, send_one, &sender);
    settle();
    ints_close(s.c[own]);
    crew_wait(crew);
    must_eq(sender.result, 0);
    must_eq(get(s.c[weir_balance_target(s.b, 7) - 1]), 7);
    set_free(&s);
}

BEHAVIOUR(waiters_see_the_set_change)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, 1, 1);
    struct sender sender[2] = {{.b = s.b, .value = 7}, {.b = s.b, .value = 8}};
    ints *more = ints_new(1);

    must_eq(send_to(s.b, 1), 0);
    crew_go(crew, send_one, &sender[0]);
    settle();
    must_eq(weir_balance_add(s.b, ints_base(more), 2), 0);
    must_eq(get(more), 7);
    crew_wait(crew);

    must_eq(send_to(s.b, 2), 0);
    crew_go(crew, send_one, &sender[1]);
    settle();
    must_eq(weir_balance_remove(s.b, 2), 0); /* waits for the other still */
    must_eq(get(s.c[0]), 1);
    must_eq(get(s.c[0]), 8);
    crew_wait(crew);
    must_eq(sender[0].result | sender[1].result, 0);

    must_eq(send_to(s.b, 3), 0);
    crew_go(crew, send_one, &sender[0]);
    settle();
    must_eq(weir_balance_remove(s.b, 1), 0);
    crew_wait(crew);
    must_eq(sender[0].result, WEIR_CLOSED); /* none is left */
    ints_unref(more);
    set_free(&s);
}

BEHAVIOUR(all_close_while_it_waits)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, WIDE, 0);
    struct sender sender = {.b = s.b, .value = 7};
    int i;

    crew_go(crew, send_one, &sender);
    settle();
    for (i = 0; i < WIDE; i++)
        ints_close(s.c[i]);
    crew_wait(crew);
    must_eq(sender.result, WEIR_CLOSED);
    set_free(&s);
}

BEHAVIOUR(a_context_ends_the_wait)
{
    struct set s = set_of(WEIR_BALANCE_BY_LOAD, WIDE, 1);
    weir_ctx ctx;
    struct sender sender = {.b = s.b, .ctx = &ctx};
    int i;

    must_eq(weir_ctx_init(&ctx, NULL), 0);
    for (i = 0; i < WIDE; i++)
        must_eq(send_to(s.b, i), 0);
    crew_go(crew, send_one, &sender);
    settle();
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(sender.result, WEIR_CANCELED);
    get(s.c[0]);
    send_one(&sender); /* need not wait */
    must_eq(sender.result, 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    send_one(&sender);
    must_eq(sender.result, WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    set_free(&s);
}

/* ---- under load ---------------------------------------------------------- */

struct load {
    struct set *s;
    int rounds;
    atomic_int sent, received, senders;
};

static void produce(void *arg)
{
    struct load *l = arg;
    int i, k;

    for (i = 0; i < l->rounds; i++) {
        const int err = i % 4 ? send_to(l->s->b, i) : try_to(l->s->b, i);
        must(err == 0 || (err == WEIR_FULL && i % 4 == 0));
        if (err == 0)
            atomic_fetch_add(&l->sent, 1);
    }
    if (atomic_fetch_sub(&l->senders, 1) == 1)
        for (k = 0; k < l->s->n; k++)
            ints_close(l->s->c[k]);
}

struct reader {
    struct load *l;
    ints *c;
};

static void consume(void *arg)
{
    struct reader *r = arg;
    int v;

    while (ints_recv(r->c, &v, NULL) == 0)
        atomic_fetch_add(&r->l->received, 1);
}

/* All but the first target come and go. */
static void shake(void *arg)
{
    struct load *l = arg;
    int i, k;

    for (i = 0; atomic_load(&l->senders) > 0; i++) {
        k = 1 + i % (l->s->n - 1);
        must_eq(weir_balance_remove(l->s->b, (uint64_t)k + 1), 0);
        weir_yield();
        must_eq(
            weir_balance_add(l->s->b, ints_base(l->s->c[k]), (uint64_t)k + 1),
            0);
        weir_yield();
    }
}

static void load(struct crew *crew, enum weir_balance_by by)
{
    struct set s = set_of(by, PARTIES, 2);
    struct load l = {.s = &s, .senders = PARTIES};
    struct reader readers[PARTIES];
    int i;

    l.rounds = check_scale(crew_many(crew, 2000, 200));
    for (i = 0; i < PARTIES; i++) {
        readers[i] = (struct reader){&l, s.c[i]};
        crew_go(crew, consume, &readers[i]);
        crew_go(crew, produce, &l);
    }
    crew_go(crew, shake, &l);
    crew_wait(crew);
    must_eq(atomic_load(&l.sent), atomic_load(&l.received));
    set_free(&s);
}

BEHAVIOUR(nothing_is_lost_in_turn)
{
    load(crew, WEIR_BALANCE_IN_TURN);
}

BEHAVIOUR(nothing_is_lost_by_load)
{
    load(crew, WEIR_BALANCE_BY_LOAD);
}

BEHAVIOUR(nothing_is_lost_by_key)
{
    load(crew, WEIR_BALANCE_BY_KEY);
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    struct set s = set_of(WEIR_BALANCE_IN_TURN, 1, 1);
    weir_chan *other = weir_chan_new(8, 1);
    ints *more = ints_new(1);
    int value = 0;

    must(weir_balance_new(NULL) == NULL);
    must(weir_balance_new(
             &(weir_balance_opts){.by = (enum weir_balance_by)9}) == NULL);
    must(weir_balance_new(&(weir_balance_opts){.by = WEIR_BALANCE_BY_KEY}) ==
         NULL);
    must_eq(weir_balance_add(NULL, ints_base(more), 2), WEIR_EINVAL);
    must_eq(weir_balance_add(s.b, NULL, 2), WEIR_EINVAL);
    must_eq(weir_balance_add(s.b, other, 2), WEIR_EINVAL);
    must_eq(weir_balance_add(s.b, ints_base(more), 0), WEIR_EINVAL);
    must_eq(weir_balance_add(s.b, ints_base(more), 1), WEIR_EINVAL);
    must_eq(weir_balance_remove(NULL, 1), WEIR_EINVAL);
    must_eq(weir_balance_remove(s.b, 2), WEIR_EINVAL);
    must_eq(weir_balance_send(NULL, &value, NULL), WEIR_EINVAL);
    must_eq(weir_balance_send(s.b, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_balance_try_send(NULL, &value), WEIR_EINVAL);
    must_eq(weir_balance_try_send(s.b, NULL), WEIR_EINVAL);
    must_eq(weir_balance_target(NULL, 1), 0);
    must_eq(weir_balance_count(NULL), 0);
    weir_balance_free(NULL);
    weir_chan_unref(other);
    ints_unref(more);
    set_free(&s);
}
END_TEST

START_TEST(out_of_memory)
{
    const weir_balance_opts o = {.elem_size = sizeof(int)};
    struct set s = set_of(WEIR_BALANCE_IN_TURN, MANY - 1, 1);
    weir_ctx ctx;
    int i;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, 1), 0);
    s.c[s.n++] = ints_new(1);
    for (i = 0; i < 2; i++) {
        wr_mem_fail_after(i);
        must(weir_balance_new(&o) == NULL);
    }
    wr_mem_fail_after(0);
    must_eq(weir_balance_add(s.b, ints_base(s.c[MANY - 1]), MANY), WEIR_ENOMEM);
    must_eq(weir_balance_remove(s.b, 1), WEIR_ENOMEM);
    must_eq(weir_balance_count(s.b), MANY - 1);
    for (i = 0; i < MANY - 1; i++)
        must_eq(weir_balance_send(s.b, &i, NULL), 0);
    must_eq(weir_balance_send(s.b, &i, NULL), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must_eq(weir_balance_send(s.b, &i, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    set_free(&s);
}
END_TEST

CHECK_MAIN(
    CHECK_MODES(in_turn_shares_are_even),
    CHECK_MODES(in_turn_passes_the_closed),
    CHECK_MODES(in_turn_passes_the_full),
    CHECK_MODES(by_load_the_least_part_in_use),
    CHECK_MODES(by_load_finds_the_receiver),
    CHECK_MODES(by_key_always_the_same),
    CHECK_MODES(by_key_the_choice_is_fixed), CHECK_MODES(by_key_few_keys_move),
    CHECK_MODES(waits_for_room_at_any), CHECK_MODES(by_key_waits_for_its_own),
    CHECK_MODES(waiters_see_the_set_change),
    CHECK_MODES(all_close_while_it_waits), CHECK_MODES(a_context_ends_the_wait),
    CHECK_MODES(nothing_is_lost_in_turn), CHECK_MODES(nothing_is_lost_by_load),
    CHECK_MODES(nothing_is_lost_by_key), CHECK_TEST(wrong_use_is_refused),
    CHECK_TEST(out_of_memory))
