/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

bool bytes_reserve(struct bytes *b, size_t n)
{
    if (n > SIZE_MAX / 4 - b->len)
        return false;
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap > FIRST_CAPACITY ? b->cap : FIRST_CAPACITY;
    while (cap < need)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data)
        return false;
    b->data = data;
    b->cap = cap;
    return true;
}

bool bytes_add(struct bytes *b, const void *data, size_t n)
{
    if (!bytes_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    return true;
}

const char *bytes_text(struct bytes *b)
{
    if (!bytes_reserve(b, 0))
        return NULL;
    b->data[b->len] = '\0';
    return b->data;
}

void bytes_drop_front(struct bytes *b, size_t n)
{
    b->len -= n;
    if (b->len > 0)
        memmove(b->data, b->data + n, b->len);
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}
