/* SPDX-License-Identifier: MIT */
/*
 * Events to many, in two ways: a broadcast to all paths below "subscriber/",
 * whose account says who got it and who did not, and why; and one path whose
 * readers all get all. In both each subscriber has a queue of its own, so one
 * that is slow loses, or waits, alone.
 */
#include <string.h>
#include "must.h"

static void missed(const char *path, const void *data, size_t size,
                   enum weir_drop reason, void *arg)
{
    (void)arg;
    printf("%s lost \"%.*s\" (%s)\n", path, (int)size, (const char *)data,
           weir_drop_name(reason));
}

static weir_store *store_with_room_for(size_t n, bool all_readers)
{
    weir_store *store;

    must(weir_store_channel(
        &store, &(weir_store_channel_opts){.buffer_size = n,
                                           .all_readers = all_readers,
                                           .policy = WEIR_DROP_OLDEST,
                                           .on_drop = missed}));
    return store;
}

static void hear(weir_store_reader *r, const char *who)
{
    char buf[100];
    ptrdiff_t n = must(weir_store_read(r, buf, sizeof buf, NULL));

    printf("%s: %.*s\n", who, (int)n, buf);
}

static void by_broadcast(void)
{
    weir_store *store = store_with_room_for(2, false);
    weir_store_reader *r[3];
    weir_store_writer *gone;
    weir_store_account got;
    char path[32];

    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "subscriber/%d", i);
        must(weir_store_reader_open(&r[i], store, path));
    }
    must(weir_store_writer_open(&gone, store, "subscriber/gone"));
    weir_store_writer_free(gone);
    for (int i = 1; i <= 3; i++) {
        char event[32];

        snprintf(event, sizeof event, "event %d", i);
        must(weir_store_broadcast(store, "subscriber/", event, strlen(event),
                                  WEIR_STORE_SKIP, NULL, &got));
        hear(r[0], "subscriber/0");
        hear(r[1], "subscriber/1"); /* and 2 never reads */
    }
    printf("of %zu: %zu got the last one, %zu had ended\n", got.matched,
           got.sent, got.closed);
    for (int i = 0; i < 3; i++)
        weir_store_reader_free(r[i]);
    weir_store_free(store);
}

static void by_readers(void)
{
    weir_store *store = store_with_room_for(10, true);
    weir_store_reader *a, *b;
    weir_store_writer *w;

    must(weir_store_reader_open(&a, store, "news"));
    must(weir_store_reader_open(&b, store, "news"));
    must(weir_store_writer_open(&w, store, "news"));
    must(weir_store_write(w, "for all", 7, NULL));
    hear(a, "one reader");
    hear(b, "the other");
    weir_store_writer_free(w);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(store);
}

int main(void)
{
    by_broadcast();
    by_readers();
    return printed();
}
