/* SPDX-License-Identifier: MIT */
/*
 * A producer and a consumer who share nothing but a name. What the producer
 * writes in one call arrives in one read; when it closes, the consumer reads
 * what is left and then the end.
 */
#include <string.h>
#include "must.h"

static void produce(void *store)
{
    static const char *const events[] = {"event1", "event2", "event3"};
    weir_store_writer *w;

    must(weir_store_writer_open(&w, store, "events"));
    for (int i = 0; i < 3; i++)
        must(weir_store_write(w, events[i], strlen(events[i]), NULL));
    weir_store_writer_free(w); /* closes: this ends the path */
}

int main(void)
{
    weir_store *store;
    weir_store_reader *r;
    char buf[1024];
    ptrdiff_t n;

    must(weir_store_channel(&store, NULL));
    must(weir_go(produce, store));
    must(weir_store_reader_open(&r, store, "events"));
    while ((n = weir_store_read(r, buf, sizeof buf, NULL)) >= 0)
        printf("Read: %.*s\n", (int)n, buf);
    printf("Then: %s\n", weir_errname((int)n));

    must(weir_stop(WEIR_FOREVER));
    weir_store_reader_free(r);
    weir_store_free(store);
    return printed();
}
