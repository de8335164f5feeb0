/* SPDX-License-Identifier: MIT */
/*
 * Primes by channels, in two forms. The first is the chain of filters, one
 * for each prime. The second merges streams of multiples, one party for each
 * prime that feeds it as far as the merge has read it.
 */
#include "parties.h"

static int is_prime(int n)
{
    int d;

    for (d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n > 1;
}

static int next_prime(int after)
{
    do
        after++;
    while (!is_prime(after));
    return after;
}

/* ---- the chain of filters ----------------------------------------------- */

struct filter {
    ints *in;
    ints *out;
    int prime; /* 0: the source of all numbers from 2 */
};

/* The chain is taken down from its end: a filter that finds its output
 * closed closes its input. */
static void filter_run(void *arg)
{
    struct filter *f = arg;
    int i = 2;

    for (;; i++) {
        if (f->prime != 0 && ints_recv(f->in, &i, NULL) != 0)
            break;
        if (f->prime != 0 && i % f->prime == 0)
            continue;
        if (ints_send(f->out, i, NULL) != 0)
            break;
    }
    if (f->in != NULL) {
        must_eq(ints_close(f->in), 0);
        ints_unref(f->in);
    }
    ints_unref(f->out);
    free(f);
}

/* A new last link, with one reference to its output for us. */
static ints *filter_start(struct crew *crew, ints *in, int prime, size_t cap)
{
    struct filter *f = malloc(sizeof *f);

    must(f != NULL);
    *f = (struct filter){in, ints_new(cap), prime};
    weir_chan_ref(ints_base(f->out));
    ints *out = f->out;
    crew_go(crew, filter_run, f);
    return out;
}

static void chain_of_filters(struct crew *crew, int n, size_t cap)
{
    ints *c = filter_start(crew, NULL, 0, cap);
    int i, prime, expected = 1;

    for (i = 0; i < n; i++) {
        prime = get(c);
        expected = next_prime(expected);
        must_eq(prime, expected);
        c = filter_start(crew, c, prime, cap);
    }
    must_eq(ints_close(c), 0);
    ints_unref(c);
    crew_wait(crew);
}

BEHAVIOUR(chain_of_filters_rendezvous)
{
    chain_of_filters(crew, crew_many(crew, check_scale(800), check_scale(100)),
                     0);
}

BEHAVIOUR(chain_of_filters_buffered)
{
    chain_of_filters(crew, crew_many(crew, check_scale(800), check_scale(100)),
                     8);
}

/* ---- streams of multiples ----------------------------------------------- */

struct multiples {
    ints *out;
    int prime;
    int head; /* the next multiple, as the merge has read it */
};

static void multiples_run(void *arg)
{
    const struct multiples *m = arg;
    int i;

    for (i = m->prime * m->prime; ints_send(m->out, i, NULL) == 0;)
        i += 2 * m->prime;
}

struct sieve {
    struct multiples *m; /* by prime, those whose squares were reached */
    int n;
    int *primes;
    int found;
};

/* Is the odd number a multiple of one of the streams? Reads on those that it
 * was found in. */
static bool in_a_stream(struct sieve *s, int number)
{
    bool found = false;
    int i;

    for (i = 0; i < s->n; i++) {
        if (s->m[i].head != number)
            continue;
        found = true;
        s->m[i].head = get(s->m[i].out);
    }
    return found;
}

/* A stream starts only when its first member, a square, is reached. */
static void start_stream_at(struct sieve *s, struct crew *crew, int number)
{
    struct multiples *m = &s->m[s->n];
    const int prime = s->primes[s->n + 1];

    if (prime * prime != number)
        return;
    s->n++;
    *m = (struct multiples){ints_new((size_t)prime % 4), prime, 0};
    crew_go(crew, multiples_run, m);
    m->head = get(m->out);
}

BEHAVIOUR(streams_of_multiples)
{
    const int n = check_scale(2000);
    struct sieve s = {.m = calloc((size_t)n, sizeof *s.m),
                      .primes = calloc((size_t)n, sizeof *s.primes)};
    int i, number;

    must(s.m != NULL && s.primes != NULL && n >= 2);
    s.primes[s.found++] = 2;
    s.primes[s.found++] = 3;
    for (number = 5; s.found < n; number += 2) {
        start_stream_at(&s, crew, number);
        if (!in_a_stream(&s, number))
            s.primes[s.found++] = number;
    }
    for (i = 0, number = 1; i < n; i++)
        must_eq(s.primes[i], number = next_prime(number));
    for (i = 0; i < s.n; i++)
        must_eq(ints_close(s.m[i].out), 0);
    crew_wait(crew);
    for (i = 0; i < s.n; i++)
        ints_unref(s.m[i].out);
    free(s.m);
    free(s.primes);
}

CHECK_MAIN(CHECK_MODES(chain_of_filters_rendezvous),
           CHECK_MODES(chain_of_filters_buffered),
           CHECK_MODES(streams_of_multiples))
