/* SPDX-License-Identifier: MIT */
/*
 * The frame of a stress program: its options, its seed, and numbers by chance
 * from that seed, so that what failed can be repeated.
 */
#ifndef STRESS_H
#define STRESS_H

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "../chan/parties.h"

static double stress_seconds = 3;
static uint64_t stress_seed;

struct chance {
    uint64_t state;
};

/* splitmix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t draw(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline int below(struct chance *c, int n)
{
    return (int)(draw(c) % (uint64_t)n);
}

static inline void stress_tell(const char *what)
{
    printf("%s: --seed %llu\n", what, (unsigned long long)stress_seed);
    fflush(stdout);
}

/*
 * Rounds, each with the next seed, until the time is over; every so many the
 * runtime starts anew, with as many workers as the seed says. How many. The
 * seed is told every now and then, for the case that a round hangs.
 */
static inline uint64_t stress_rounds(int restart, void (*round)(struct chance))
{
    const int64_t end = weir_now() + (int64_t)(stress_seconds * 1e9);
    const uint64_t first = stress_seed;
    int64_t told = 0;
    int i;

    do {
        struct chance chance = {stress_seed};
        const weir_opts opts = {.workers = 1 + below(&chance, 4)};

        if (weir_now() - told > WEIR_SECOND) {
            stress_tell("now at");
            told = weir_now();
        }
        must_eq(weir_start(&opts), 0);
        for (i = 0; i < restart && weir_now() < end; i++, stress_seed++)
            round((struct chance){stress_seed});
        must_eq(weir_stop(WEIR_FOREVER), 0);
    } while (weir_now() < end);
    return stress_seed - first;
}

/* One test, for as long as --seconds says, from --seed on. */
static inline int stress_main(int argc, char **argv, const TTest *test)
{
    struct check_entry entry = CHECK_TEST(test);
    int i;

    stress_seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    party_seed = &stress_seed;
    for (i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            stress_seconds = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            stress_seed = strtoull(argv[i + 1], NULL, 0);
        else
            break;
    }
    if (i != argc || stress_seconds < 0) {
        fprintf(stderr, "usage: %s [--seconds N] [--seed N]\n", argv[0]);
        return 2;
    }
    entry.limit = stress_seconds + 60;
    return check_main(&entry, 1);
}

#endif
