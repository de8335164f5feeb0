/* SPDX-License-Identifier: MIT */
#include "stream/mark.h"

#include <endian.h>
#include <string.h>
#include "base/crc64.h"

static const char magic[8] = {'w', 'e', 'i', 'r', '-', 's', '1', '\n'};

enum { OPEN = 1, COMPLETE = 2 };

static void put(char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint64_t get(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

/* Of n bytes of the file with that id; never 0, as what was never written. */
static uint64_t check(const char *at, size_t n, uint64_t id)
{
    char seed[8];
    put(seed, id);
    const uint64_t crc = wr_crc64(wr_crc64(0, seed, sizeof seed), at, n);
    return crc ? crc : 1;
}

void wr_head_put(char *head, uint64_t id)
{
    memset(head, 0, WR_HEAD_SIZE);
    memcpy(head, magic, sizeof magic);
    put(head + 8, id);
    put(head + 16, WR_MARK_BLOCK);
    put(head + 24, check(head, 24, id));
    wr_start_put(head + WR_HEAD_START, id, 0);
}

uint64_t wr_head_get(const char *head)
{
    const uint64_t id = get(head + 8);
    const bool good = memcmp(head, magic, sizeof magic) == 0 &&
                      get(head + 16) == WR_MARK_BLOCK &&
                      get(head + 24) == check(head, 24, id);
    return good ? id : 0;
}

void wr_start_put(char *at, uint64_t id, int64_t start)
{
    put(at, (uint64_t)start);
    put(at + 8, check(at, 8, id));
}

int64_t wr_start_get(const char *at, uint64_t id)
{
    return get(at + 8) == check(at, 8, id) ? (int64_t)get(at) : -1;
}

void wr_mark_put(char *at, uint64_t id, const struct wr_mark *m)
{
    put(at, (uint64_t)m->length);
    put(at + 8, m->crc);
    put(at + 16, m->complete ? COMPLETE : OPEN);
    put(at + 24, check(at, 24, id));
}

bool wr_mark_get(const char *at, uint64_t id, struct wr_mark *m)
{
    if (get(at + 24) != check(at, 24, id))
        return false;
    m->length = (int64_t)get(at);
    m->crc = get(at + 8);
    m->complete = get(at + 16) == COMPLETE;
    return true;
}
