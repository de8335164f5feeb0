/* SPDX-License-Identifier: MIT */
/*
 * The frame of a test program: Check's assertions and forks (a process a
 * test), with a table in place of suite plumbing, a limit against hanging
 * that shows where the tasks stand, and one knob for the amount of work.
 *
 *     START_TEST(a_send_is_received)
 *     {
 *         ck_assert_int_eq(...);
 *     }
 *     END_TEST
 *
 *     CHECK_MAIN(CHECK_TEST(a_send_is_received),
 *                CHECK_LOOP(at_each_capacity, 5),
 *                CHECK_DIES(overflow_is_named, SIGSEGV))
 *
 * Each entry is a case of its own, named after its test:
 * CK_RUN_CASE=a_send_is_received runs one, CK_FORK=no runs without forks and
 * limits for a debugger, CK_VERBOSITY=verbose names what passes.
 *
 * A test that passes its limit prints weir_dump and fails. The limit is kept
 * by one more thread in the test's process, which calls nothing until then.
 */
#ifndef WEIR_CHECK_H
#define WEIR_CHECK_H

#include <check.h>
#include <stdbool.h>

struct check_entry {
    const TTest *test;
    int rounds;    /* runs with _i = 0 .. rounds - 1, a process each        */
    int signal;    /* the test must end by this signal                      */
    int exit_code; /* or by exit with this code                             */
    double limit;  /* seconds of one run before it counts as hung; 0: 60    */
};

/* clang-format off */
#define CHECK_TEST(name)           {(name), 1, 0, 0, 0}
#define CHECK_LOOP(name, rounds)   {(name), (rounds), 0, 0, 0}
#define CHECK_DIES(name, signal)   {(name), 1, (signal), 0, 0}
#define CHECK_EXITS(name, code)    {(name), 1, 0, (code), 0}
#define CHECK_LONG(name, seconds)  {(name), 1, 0, 0, (seconds)}
/* clang-format on */

/* The program's main, once in a file, with its entries. */
#define CHECK_MAIN(...)                                                        \
    int main(void)                                                             \
    {                                                                          \
        const struct check_entry entries_[] = {__VA_ARGS__};                   \
        return check_main(entries_, sizeof entries_ / sizeof entries_[0]);     \
    }

/* Runs the entries and prints Check's summary. The process's exit status. */
int check_main(const struct check_entry *entries, size_t n);

/*
 * How often to do what is done n times in a plain build: fewer times under a
 * sanitizer or valgrind, multiplied by $WEIR_TEST_SCALE (a number such as 0.1
 * or 50, which multiplies the limits as well when it is above 1). At least
 * 10, or n if that is less.
 */
int check_scale(int n);

/* Does a sanitizer or valgrind slow everything down? For tests whose size,
 * and not their number of rounds, is too much then. */
bool check_is_slow(void);

#endif
