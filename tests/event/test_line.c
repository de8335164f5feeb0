/* SPDX-License-Identifier: MIT */
/* The ring under a queue: it keeps the order, grows, and gives back what a
 * burst has taken. */
#include "event/line.h"
#include "events.h"

static weir_event *mark(int *at)
{
    return (weir_event *)(void *)at;
}

START_TEST(memory_returns_after_a_burst)
{
    static int places[5000];
    struct wr_line l = {0};
    size_t out = 0, in = 0, i;

    for (i = 0; i < 7; i++, in++)
        must_eq(wr_line_push(&l, mark(&places[in])), 0);
    for (i = 0; i < 5; i++, out++) /* so that it wraps round */
        must(wr_line_pop(&l) == mark(&places[out]));
    for (; in < 5000; in++)
        must_eq(wr_line_push(&l, mark(&places[in])), 0);
    must(l.size >= 4096);
    while (l.count > 0)
        must(wr_line_pop(&l) == mark(&places[out++]));
    must_eq(out, 5000);
    must_eq(l.size, 16);
    wr_line_free(&l);
    must(l.slots == NULL);
}
END_TEST

START_TEST(out_of_memory_changes_nothing)
{
    static int places[80];
    struct wr_line l = {0};
    size_t i;

    wr_mem_fail_after(0);
    must_eq(wr_line_push(&l, NULL), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    for (i = 0; i < 64; i++)
        must_eq(wr_line_push(&l, mark(&places[i])), 0);
    wr_mem_fail_after(0);
    must_eq(wr_line_push(&l, mark(&places[64])), WEIR_ENOMEM);
    for (i = 0; i < 64; i++) /* nor can it shrink */
        must(wr_line_pop(&l) == mark(&places[i]));
    wr_mem_fail_after(-1);
    must_eq(l.count, 0);
    must_eq(l.size, 64);
    wr_line_free(&l);
}
END_TEST

CHECK_MAIN(CHECK_TEST(memory_returns_after_a_burst),
           CHECK_TEST(out_of_memory_changes_nothing))
