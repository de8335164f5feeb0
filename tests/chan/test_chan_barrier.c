/* SPDX-License-Identifier: MIT */
/*
 * A channel operation orders memory: what the sender wrote before the send,
 * plainly and elsewhere than in the element, the receiver sees after its
 * receive; and the receiver may free it. In every pairing of plain
 * operations, selects, tries and batches.
 */
#include "parties.h"

struct letter {
    unsigned char text[96];
    int from;
};

WEIR_CHAN(letters, struct letter *);

enum { PLAIN, SELECT, TRY, BATCH, WAYS };

struct post {
    letters *box;
    letters *never;
    int way;
    int n;
    int from;
};

static struct letter *write_letter(int from, int i)
{
    struct letter *l = malloc(sizeof *l);

    must(l != NULL);
    l->from = from * 1000000 + i;
    memset(l->text, (unsigned char)(from + i), sizeof l->text);
    return l;
}

static void read_letter(struct letter *l)
{
    const int from = l->from / 1000000, i = l->from % 1000000;
    size_t k;

    for (k = 0; k < sizeof l->text; k++)
        must_eq(l->text[k], (unsigned char)(from + i));
    free(l);
}

static void send_by(const struct post *p, struct letter *l)
{
    weir_case cs[] = {letters_send_case(p->box, &l),
                      letters_recv_case(p->never, &l)};

    switch (p->way) {
    case PLAIN:
        must_eq(letters_send(p->box, l, NULL), 0);
        break;
    case SELECT:
        must_eq(weir_select(cs, 2, NULL), 0);
        break;
    case TRY:
        while (letters_try_send(p->box, l) != 0)
            weir_yield();
        break;
    default:
        must_eq(letters_send_n(p->box, &l, 1, NULL), 1);
    }
}

static int recv_by(const struct post *p, struct letter **l)
{
    weir_case cs[] = {letters_recv_case(p->never, l),
                      letters_recv_case(p->box, l)};
    ptrdiff_t r;

    switch (p->way) {
    case PLAIN:
        return letters_recv(p->box, l, NULL);
    case SELECT:
        must_eq(weir_select(cs, 2, NULL), 1);
        return cs[1].status;
    case TRY:
        while ((r = letters_try_recv(p->box, l)) == WEIR_EMPTY)
            weir_yield();
        return (int)r;
    default:
        r = letters_recv_n(p->box, l, 1, NULL);
        return r == 1 ? 0 : (int)r;
    }
}

static void write_letters(void *arg)
{
    const struct post *p = arg;
    int i;

    for (i = 0; i < p->n; i++)
        send_by(p, write_letter(p->from, i));
}

static void read_letters(void *arg)
{
    const struct post *p = arg;
    struct letter *l;

    while (recv_by(p, &l) == 0)
        read_letter(l);
}

/* The ways of senders and receivers, all pairs of them but one: two tries at
 * a rendezvous may pass each other for ever. */
static void post_office(struct crew *crew, size_t cap, int out, int in)
{
    enum { SIDES = 3 };

    struct crew senders = CREW(crew->mode);
    letters *box = letters_new(cap), *never = letters_new(0);
    struct post outs[SIDES], to = {box, never, in, 0, 0};
    int i;

    for (i = 0; i < SIDES; i++) {
        outs[i] = (struct post){box, never, out, check_scale(300), i};
        crew_go(&senders, write_letters, &outs[i]);
        crew_go(crew, read_letters, &to);
    }
    crew_wait(&senders);
    must_eq(letters_close(box), 0);
    crew_wait(crew);
    letters_unref(box);
    letters_unref(never);
}

static void all_pairs(struct crew *crew, size_t cap)
{
    int out, in;

    for (out = 0; out < WAYS; out++)
        for (in = 0; in < WAYS; in++)
            if (cap > 0 || out != TRY || in != TRY)
                post_office(crew, cap, out, in);
}

BEHAVIOUR(rendezvous_orders_memory)
{
    all_pairs(crew, 0);
}

BEHAVIOUR(buffer_orders_memory)
{
    all_pairs(crew, 1);
    all_pairs(crew, 16);
}

/* Close orders memory too: what was written before is seen by who learns. */
struct closing {
    ints *c;
    int plain;
    bool selects;
};

static void learn_of_close(void *arg)
{
    struct closing *x = arg;
    int v;
    weir_case cs[] = {ints_recv_case(x->c, &v)};

    if (x->selects)
        must_eq(weir_select(cs, 1, NULL), 0);
    else
        must_eq(ints_recv(x->c, &v, NULL), WEIR_CLOSED);
    must_eq(x->plain, 42);
}

static void learn_by_looking(void *arg)
{
    struct closing *x = arg;

    while (!weir_chan_is_closed(ints_base(x->c)))
        weir_yield();
    must_eq(x->plain, 42);
}

BEHAVIOUR(close_orders_memory)
{
    int i;

    for (i = 0; i < check_scale(200); i++) {
        struct closing x = {ints_new((size_t)i % 2), 0, i % 4 < 2};

        crew_go(crew, learn_of_close, &x);
        crew_go(crew, learn_by_looking, &x);
        x.plain = 42;
        must_eq(ints_close(x.c), 0);
        crew_wait(crew);
        ints_unref(x.c);
    }
}

CHECK_MAIN(CHECK_MODES(rendezvous_orders_memory),
           CHECK_MODES(buffer_orders_memory), CHECK_MODES(close_orders_memory))
