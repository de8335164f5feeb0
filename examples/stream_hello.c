/* SPDX-License-Identifier: MIT */
/*
 * One writer, two readers, each at its own pace: both get a full copy, whether
 * they come before, while or after it is written. Any part may be read again.
 */
#include <string.h>
#include "must.h"

struct copy {
    weir_reader *from;
    char text[64];
};

static void say(weir_stream *s, const char *text)
{
    must(weir_stream_write(s, text, strlen(text), NULL));
}

static void write_it(void *stream)
{
    say(stream, "Hello World! ");
    must(weir_sleep(10 * WEIR_MILLISECOND, NULL)); /* readers wait here */
    say(stream, "Streaming updates...");
    must(weir_stream_close(stream));
}

static void read_all(void *arg)
{
    struct copy *c = arg;
    char *at = c->text;
    ptrdiff_t n;

    while ((n = must(weir_reader_read(c->from, at, 8, NULL))) > 0)
        at += n;
}

int main(void)
{
    weir_stream *s;
    struct copy mine, other;
    weir_wg tasks = WEIR_WG_INIT;
    char part[5] = "";

    must(weir_stream_new_mem("mystream", NULL, &s));
    must(weir_wg_go(&tasks, write_it, s));
    must(weir_stream_next_reader(s, &mine.from));
    must(weir_stream_next_reader(s, &other.from));
    memset(mine.text, 0, sizeof mine.text);
    memset(other.text, 0, sizeof other.text);
    must(weir_wg_go(&tasks, read_all, &other));
    read_all(&mine);
    must(weir_wg_wait(&tasks, NULL));

    printf("one:   %s\n", mine.text);
    printf("other: %s\n", other.text);
    must(weir_reader_read_at(mine.from, part, 4, 1, 4, NULL));
    printf("[1, 5): %s\n", part);

    weir_reader_free(mine.from);
    weir_reader_free(other.from);
    must(weir_stream_remove(s, NULL));
    weir_stream_unref(s);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
