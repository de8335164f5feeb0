/* SPDX-License-Identifier: MIT */
/*
 * Parties that wait from deep in their stacks, with the elements they send
 * and receive in the deepest frames: whatever happens to stacks meanwhile
 * (other tasks take and give back theirs), each frame is found as it was.
 */
#include "parties.h"

enum { FRAME = 1024, DEPTH = 16, WAITERS = 40 };

enum { BY_RECV, BY_SEND, BY_SELECT, WAYS };

struct diver {
    ints *c;
    ints *never[2]; /* nobody sends on the one or receives from the other */
    int depth;
    int way;
};

static void wait_at_the_bottom(const struct diver *d)
{
    int v = 10 + d->depth, other = -7;
    weir_case cs[] = {ints_recv_case(d->never[0], &other),
                      ints_recv_case(d->c, &v),
                      ints_send_case(d->never[1], &other)};

    if (d->way == BY_SEND) {
        put(d->c, v);
        must_eq(v, 10 + d->depth);
        return;
    }
    if (d->way == BY_RECV)
        v = get(d->c);
    else
        must_eq(weir_select(cs, 3, NULL), 1);
    must_eq(v, 77);
    must_eq(other, -7);
}

__attribute__((noinline)) static void dive(const struct diver *d, int level)
{
    volatile unsigned char frame[FRAME];
    int i;

    for (i = 0; i < FRAME; i++)
        frame[i] = (unsigned char)(i * 7 + level);
    if (level < d->depth)
        dive(d, level + 1);
    else
        wait_at_the_bottom(d);
    for (i = 0; i < FRAME; i++)
        must_eq(frame[i], (unsigned char)(i * 7 + level));
}

static void dive_in(void *arg)
{
    dive(arg, 0);
}

static void short_lived(void *arg)
{
    struct diver d = {.c = arg, .depth = DEPTH / 2, .way = BY_SEND};

    dive(&d, 0);
}

BEHAVIOUR(frames_survive_the_wait)
{
    ints *c = ints_new(0), *sent = ints_new(0);
    ints *never[2] = {ints_new(0), ints_new(0)};
    ints *scratch = ints_new(1000);
    struct diver d[WAITERS];
    int i, sum = 0, expected = 0;

    for (i = 0; i < WAITERS; i++) {
        d[i] = (struct diver){i % 3 == BY_SEND ? sent : c,
                              {never[0], never[1]},
                              i % DEPTH,
                              i % 3};
        crew_go(crew, dive_in, &d[i]);
    }
    settle();
    for (i = 0; i < WAITERS; i++)
        crew_go(crew, short_lived, scratch);
    settle();
    for (i = 0; i < WAITERS; i++) {
        if (d[i].way == BY_SEND) {
            sum += get(sent);
            expected += 10 + d[i].depth;
        } else {
            put(c, 77);
        }
    }
    must_eq(sum, expected);
    crew_wait(crew);
    ints_unref(c);
    ints_unref(sent);
    ints_unref(never[0]);
    ints_unref(never[1]);
    ints_unref(scratch);
}

/* Close wakes them all from the deep, and touches no element. */
static void deep_until_closed(const struct diver *d, int level)
{
    volatile unsigned char frame[FRAME];
    int v = 5;
    weir_case cs[] = {ints_recv_case(d->c, &v),
                      ints_recv_case(d->never[0], &v)};

    frame[level] = (unsigned char)level;
    if (level < d->depth) {
        deep_until_closed(d, level + 1);
    } else if (d->way == BY_SELECT) {
        must_eq(weir_select(cs, 2, NULL), 0);
        must_eq(cs[0].status, WEIR_CLOSED);
    } else {
        must_eq(ints_recv(d->c, &v, NULL), WEIR_CLOSED);
    }
    must_eq(v, 5);
    must_eq(frame[level], level);
}

static void dive_until_closed(void *arg)
{
    deep_until_closed(arg, 0);
}

BEHAVIOUR(close_wakes_from_the_deep)
{
    ints *c = ints_new(1), *never = ints_new(0);
    struct diver d[WAITERS];
    int i;

    for (i = 0; i < WAITERS; i++) {
        d[i] = (struct diver){
            c, {never, NULL}, i % DEPTH, i % 2 ? BY_RECV : BY_SELECT};
        crew_go(crew, dive_until_closed, &d[i]);
    }
    settle();
    must_eq(ints_close(c), 0);
    crew_wait(crew);
    ints_unref(c);
    ints_unref(never);
}

CHECK_MAIN(CHECK_MODES(frames_survive_the_wait),
           CHECK_MODES(close_wakes_from_the_deep))
