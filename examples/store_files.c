/* SPDX-License-Identifier: MIT */
/*
 * Messages in the files of a directory: a store is closed in the middle of a
 * path, and the next one goes on with it. The same calls as with channels;
 * another opening.
 */
#include <string.h>
#include <unistd.h>
#include "must.h"

static weir_store *open_store(const char *dir)
{
    weir_store *store;

    must(weir_store_files(&store, dir, NULL));
    return store;
}

static void write_some(weir_store *store, const char *const *texts, int n)
{
    weir_store_writer *w;

    must(weir_store_writer_open(&w, store, "log/today"));
    for (int i = 0; i < n; i++)
        must(weir_store_write(w, texts[i], strlen(texts[i]), NULL));
    weir_store_writer_leave(w); /* the path stays open */
}

static void read_all(weir_store *store)
{
    weir_store_reader *r;
    char buf[100];
    ptrdiff_t n;

    must(weir_store_reader_open(&r, store, "log/today"));
    while ((n = weir_store_read(r, buf, sizeof buf, NULL)) >= 0)
        printf("%.*s\n", (int)n, buf);
    weir_store_reader_free(r);
}

int main(void)
{
    static const char *const morning[] = {"started", "ready"};
    static const char *const evening[] = {"started again", "stopped"};
    char dir[] = "/tmp/weir-store-XXXXXX";
    weir_store *store;
    weir_store_writer *w;

    made(mkdtemp(dir));
    store = open_store(dir);
    write_some(store, morning, 2);
    weir_store_free(store); /* or the process ends, or is killed */

    store = open_store(dir);
    write_some(store, evening, 2);
    must(weir_store_writer_open(&w, store, "log/today"));
    weir_store_writer_free(w); /* ends the path, for good */
    read_all(store);
    printf("log/../..: %s\n", weir_store_path_error(store, "log/../.."));

    must(weir_store_delete(store, "log/today"));
    weir_store_free(store);
    return rmdir(dir) == 0 ? printed() : EXIT_FAILURE;
}
