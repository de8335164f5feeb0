/* SPDX-License-Identifier: MIT */
/*
 * One store of three, of which two must have each message. The third has room
 * for short ones only: each write goes on without it, and the account says so.
 */
#include <inttypes.h>
#include <string.h>
#include "must.h"

enum { STORES = 3 };

static void write_one(weir_store_writer *w, const char *text)
{
    int codes[STORES];
    int code =
        weir_store_write_each(w, text, strlen(text), NULL, codes, STORES);

    printf("\"%s\": %s (", text, weir_errname(code));
    for (int i = 0; i < STORES; i++)
        printf("%s%s", i ? ", " : "", weir_errname(codes[i]));
    printf(")\n");
}

int main(void)
{
    weir_store *part[STORES], *store;
    weir_store_share shares[STORES];
    weir_store_writer *w;
    weir_store_reader *r;
    char buf[100];
    ptrdiff_t n;

    must(weir_store_memory(&part[0], 0));
    must(weir_store_memory(&part[1], 0));
    must(weir_store_memory(&part[2], 25));
    must(weir_store_multi(&store, part, STORES,
                          &(weir_store_multi_opts){.need = WEIR_STORE_QUORUM}));
    must(weir_store_writer_open(&w, store, "replicated"));
    write_one(w, "short");
    write_one(w, "a longer message");
    weir_store_writer_free(w);

    must(weir_store_shares(store, shares, STORES));
    for (int i = 0; i < STORES; i++)
        printf("store %d: took %" PRIu64 ", failed %" PRIu64 "\n", i,
               shares[i].taken, shares[i].failed);
    must(weir_store_reader_open(&r, store, "replicated"));
    while ((n = weir_store_read(r, buf, sizeof buf, NULL)) >= 0)
        printf("Read: %.*s\n", (int)n, buf);
    weir_store_reader_free(r);
    weir_store_free(store); /* and the three in it */
    return printed();
}
