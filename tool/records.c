/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_SIZE = 128 * 1024 };

bool records_init(struct records *r, struct input *in, char mark, uint64_t most)
{
    *r = (struct records){.input = in, .mark = mark, .most = most};
    r->data = malloc(BUFFER_SIZE);
    return r->data != NULL;
}

void records_fini(struct records *r)
{
    input_close(r->input);
    free(r->data);
}

/* Makes the buffer hold something: 1; 0: the open file is at its end. */
static int fill(struct records *r, weir_ctx *ctx)
{
    if (r->start < r->end)
        return 1;
    ssize_t n = input_read(r->input, r->data, BUFFER_SIZE, ctx);
    if (n <= 0)
        return (int)n;
    r->start = 0;
    r->end = (size_t)n;
    return 1;
}

/* Takes up to and with the mark from the buffer; true: the mark was there.
 * *state is what the record has come to: RECORDS_ONE while it can be held. */
static bool take_piece(struct records *r, struct bytes *record, int *state)
{
    const char *from = r->data + r->start;
    size_t have = r->end - r->start;
    const char *mark = memchr(from, r->mark, have);
    size_t len = mark ? (size_t)(mark - from) : have;
    size_t taken = len + (mark ? 1 : 0);
    if (*state == RECORDS_ONE && len > r->most - record->len)
        *state = RECORDS_TOO_LONG;
    if (*state == RECORDS_ONE && !bytes_add(record, from, len))
        *state = -ENOMEM;
    if (*state != RECORDS_ONE)
        bytes_free(record);
    r->start += taken;
    r->given += taken;
    return mark != NULL;
}

int records_next(struct records *r, struct bytes *record, weir_ctx *ctx)
{
    for (;;) {
        int state = RECORDS_ONE;
        bool some = false;
        if (r->input->fd < 0 && !input_open(r->input, ctx))
            return RECORDS_END;
        for (int got; (got = fill(r, ctx)) != 0; some = true) {
            if (got < 0)
                return got;
            if (take_piece(r, record, &state))
                return state;
        }
        if (some)
            return state;
    }
}
