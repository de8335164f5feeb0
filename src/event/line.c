/* SPDX-License-Identifier: MIT */
#include "event/line.h"

#include "base/mem.h"

enum { SMALLEST = 16 };

static weir_event **slot(const struct wr_line *l, size_t i)
{
    return &l->slots[(l->first + i) & (l->size - 1)];
}

static int resize(struct wr_line *l, size_t size)
{
    weir_event **slots = wr_alloc(size * sizeof(*slots));
    if (!slots)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < l->count; i++)
        slots[i] = *slot(l, i);
    wr_free(l->slots);
    *l = (struct wr_line){slots, size, 0, l->count};
    return 0;
}

int wr_line_push(struct wr_line *l, weir_event *e)
{
    if (l->count == l->size) {
        int err = resize(l, l->size ? 2 * l->size : SMALLEST);
        if (err)
            return err;
    }
    *slot(l, l->count) = e;
    l->count++;
    return 0;
}

/* Halves at a quarter, so that a length that goes up and down costs nothing.
 * Without memory for the smaller ring the larger one stays. */
weir_event *wr_line_pop(struct wr_line *l)
{
    weir_event *e = *slot(l, 0);
    l->first = (l->first + 1) & (l->size - 1);
    l->count--;
    if (l->size > SMALLEST && l->count < l->size / 4)
        (void)resize(l, l->size / 2);
    return e;
}

void wr_line_free(struct wr_line *l)
{
    wr_free(l->slots);
    *l = (struct wr_line){0};
}
