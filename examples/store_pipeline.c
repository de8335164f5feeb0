/* SPDX-License-Identifier: MIT */
/*
 * Stages that know only the names of what they read and write. Each ends when
 * what it reads has ended, and by closing ends the next one; the slowest sets
 * the pace, as a path holds four messages.
 */
#include <ctype.h>
#include <string.h>
#include "must.h"

enum { ITEMS = 8 };

static void source(void *store)
{
    static const char *const data[ITEMS] = {"ash",   "birch", "cedar", "date",
                                            "ebony", "fir",   "gum",   "hazel"};
    weir_store_writer *w;

    must(weir_store_writer_open(&w, store, "stage1"));
    for (int i = 0; i < ITEMS; i++)
        must(weir_store_write(w, data[i], strlen(data[i]), NULL));
    weir_store_writer_free(w);
}

static void transform(void *store)
{
    weir_store_reader *r;
    weir_store_writer *w;
    char buf[4096];
    ptrdiff_t n;

    must(weir_store_reader_open(&r, store, "stage1"));
    must(weir_store_writer_open(&w, store, "stage2"));
    while ((n = weir_store_read(r, buf, sizeof buf, NULL)) >= 0) {
        for (ptrdiff_t i = 0; i < n; i++)
            buf[i] = (char)toupper((unsigned char)buf[i]);
        must(weir_store_write(w, buf, (size_t)n, NULL));
    }
    weir_store_reader_free(r);
    weir_store_writer_free(w);
}

int main(void)
{
    weir_store *store;
    weir_store_reader *r;
    weir_store_stats stats;
    char buf[4096];
    ptrdiff_t n;

    must(weir_store_channel(&store,
                            &(weir_store_channel_opts){.buffer_size = 4}));
    must(weir_go(source, store));
    must(weir_go(transform, store));
    must(weir_store_reader_open(&r, store, "stage2"));
    while ((n = weir_store_read(r, buf, sizeof buf, NULL)) >= 0)
        printf("%.*s\n", (int)n, buf);

    must(weir_stop(WEIR_FOREVER));
    must(weir_store_get_stats(store, "stage2", &stats));
    printf("stage2: sent %d = received %d + dropped %d + queued %d\n",
           (int)stats.queue.sent, (int)stats.queue.received,
           (int)stats.queue.dropped, (int)stats.queue.queued);
    weir_store_reader_free(r);
    weir_store_free(store);
    return printed();
}
