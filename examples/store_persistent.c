/* SPDX-License-Identifier: MIT */
/*
 * Paths that keep what was written: a reader that comes late gets each message
 * once, with its boundaries, also after the writer has closed; so they make
 * fixtures for tests. What they keep has a limit, and who missed something is
 * told.
 */
#include <string.h>
#include "must.h"

static void say(weir_store_writer *w, const char *text)
{
    must(weir_store_write(w, text, strlen(text), NULL));
}

static void read_all(weir_store *store, const char *who)
{
    weir_store_reader *r;
    char buf[100];
    ptrdiff_t n;

    must(weir_store_reader_open(&r, store, "data"));
    while ((n = weir_store_read(r, buf, sizeof buf, NULL)) >= 0)
        printf("%s: %.*s\n", who, (int)n, buf);
    weir_store_reader_free(r);
}

static void keep_everything(void)
{
    weir_store *store;
    weir_store_writer *w;

    must(weir_store_channel(&store,
                            &(weir_store_channel_opts){.persistent = true}));
    must(weir_store_writer_open(&w, store, "data"));
    say(w, "message 1");
    say(w, "message 2");
    weir_store_writer_free(w);
    read_all(store, "late reader");
    read_all(store, "another one");
    weir_store_free(store);
}

static void keep_two(void)
{
    weir_store *store;
    weir_store_writer *w;
    weir_store_reader *r;
    char buf[100];
    ptrdiff_t n;

    must(weir_store_channel(
        &store,
        &(weir_store_channel_opts){.persistent = true, .keep_messages = 2}));
    must(weir_store_writer_open(&w, store, "data"));
    must(weir_store_reader_open(&r, store, "data"));
    say(w, "message 1");
    say(w, "message 2");
    say(w, "message 3");
    printf("slow reader: %s\n",
           weir_errname((int)weir_store_read(r, buf, sizeof buf, NULL)));
    n = must(weir_store_read(r, buf, sizeof buf, NULL));
    printf("slow reader: %.*s\n", (int)n, buf);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(store);
}

int main(void)
{
    keep_everything();
    keep_two();
    return printed();
}
