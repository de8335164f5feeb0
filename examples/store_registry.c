/* SPDX-License-Identifier: MIT */
/*
 * Stores by the name of their backend, with options as they come from a
 * configuration. What is wrong with these is said, and nothing is guessed.
 */
#include "must.h"

static void list_backends(void)
{
    weir_store_names names;

    must(weir_store_backends(&names));
    printf("Backends:");
    for (size_t i = 0; i < names.n; i++)
        printf(" %s", names.names[i]);
    printf("\n");
    weir_store_names_free(&names);
}

static void open_one(const char *backend, const weir_store_option *options)
{
    weir_store *store;
    const char *why;
    int code = weir_store_open(&store, backend, options, &why);

    if (code)
        printf("%s: %s: %s\n", backend, weir_errname(code), why);
    else
        printf("%s: opened\n", backend);
    weir_store_free(store);
}

int main(void)
{
    const weir_store_option good[] = {
        {"buffer_size", "100"}, {"persistent", "true"}, {NULL, NULL}};
    const weir_store_option bad[] = {{"buffer_size", "12abc"}, {NULL, NULL}};
    const weir_store_option unknown[] = {{"bufer_size", "100"}, {NULL, NULL}};

    list_backends();
    open_one("channel", good);
    open_one("memory", NULL);
    open_one("channel", bad);
    open_one("memory", unknown);
    open_one("file", NULL);
    open_one("clannel", NULL);
    printf("channel is %sregistered, clannel is %sregistered\n",
           weir_store_is_registered("channel") ? "" : "not ",
           weir_store_is_registered("clannel") ? "" : "not ");
    return printed();
}
