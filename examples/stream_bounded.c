/* SPDX-License-Identifier: MIT */
/*
 * Streams that do not grow without end: one drops the oldest bytes and tells
 * the reader who was too slow how many; one moves the older ones to disk and
 * loses nothing.
 */
#include <string.h>
#include "must.h"

enum { LINE = 10, LINES = 1000 };

static void write_lines(weir_stream *s)
{
    char line[32];

    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "line %04d\n", i);
        must(weir_stream_write(s, line, LINE, NULL));
    }
    must(weir_stream_close(s));
}

/* Reads to the end: how many lines came, and the first of them. */
static void read_lines(weir_reader *r)
{
    char line[LINE], first[LINE] = "";
    ptrdiff_t n;
    int lines = 0;

    do {
        n = weir_reader_read_at(r, line, LINE, (int64_t)lines * LINE, LINE,
                                NULL);
        if (n > 0 && lines++ == 0)
            memcpy(first, line, LINE - 1);
    } while (n > 0);
    must(n);
    printf("  %d lines from \"%s\" on\n", lines, first);
}

int main(void)
{
    const weir_stream_opts drops = {.max_bytes = 200L * LINE,
                                    .policy = WEIR_DROP_OLDEST};
    const weir_stream_opts spills = {.segment = 512, .spill_above = 2048};
    weir_stream *s;
    weir_reader *r;
    char line[LINE + 1] = "";

    must(weir_stream_new_mem("drops", &drops, &s));
    must(weir_stream_next_reader(s, &r));
    write_lines(s);
    puts("200 lines are kept:");
    if (weir_reader_read(r, line, LINE, NULL) == WEIR_LAGGED)
        printf("  %lld bytes are lost\n", (long long)weir_reader_lost(r, NULL));
    must(weir_reader_read(r, line, LINE, NULL));
    printf("  it goes on with %s", line);
    weir_reader_free(r);
    weir_stream_unref(s);

    must(weir_stream_new_mem("spills", &spills, &s));
    write_lines(s);
    puts("2 KiB stay in memory:");
    must(weir_stream_next_reader(s, &r));
    read_lines(r);
    weir_reader_free(r);
    weir_stream_unref(s);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
