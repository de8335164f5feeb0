/* SPDX-License-Identifier: MIT */
/*
 * How a stream ends: closed, readers get what was written and then the end;
 * closed with an error, they get that in place of the end; cancelled, all get
 * the error at once. Its removal waits for those who still read.
 */
#include <errno.h>
#include <string.h>
#include "must.h"

static weir_stream *half_written(weir_reader **r)
{
    weir_stream *s;

    must(weir_stream_new_mem(NULL, NULL, &s));
    must(weir_stream_next_reader(s, r));
    must(weir_stream_write(s, "half", 4, NULL));
    return s;
}

static void read_on(const char *how, weir_reader *r)
{
    char text[16];
    ptrdiff_t n;

    printf("%-18s", how);
    while ((n = weir_reader_read(r, text, sizeof text, NULL)) > 0)
        printf("\"%.*s\", then ", (int)n, text);
    puts(n == 0 ? "the end" : weir_strerror((int)n));
}

/* Somebody else's removal is on its way. */
static void remove_it(void *stream)
{
    must(weir_stream_remove(stream, NULL));
    puts("removed");
}

int main(void)
{
    weir_reader *r[3], *late;
    weir_stream *s[3];
    weir_wg tasks = WEIR_WG_INIT;

    for (int i = 0; i < 3; i++)
        s[i] = half_written(&r[i]);
    must(weir_stream_close(s[0]));
    must(weir_stream_close_with(s[1], -ECONNRESET));
    must(weir_stream_cancel(s[2], 0));
    read_on("closed:", r[0]);
    read_on("with an error:", r[1]);
    read_on("cancelled:", r[2]);

    must(weir_wg_go(&tasks, remove_it, s[0]));
    while (weir_stream_next_reader(s[0], &late) != WEIR_REMOVING) {
        weir_reader_free(late);
        weir_yield();
    }
    puts("no new readers");
    must(weir_reader_seek(r[0], 0, SEEK_SET, NULL));
    read_on("who had it:", r[0]);
    for (int i = 0; i < 3; i++) {
        weir_reader_free(r[i]);
        must(weir_wg_wait(&tasks, NULL));
        weir_stream_unref(s[i]);
    }
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
