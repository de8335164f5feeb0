/* SPDX-License-Identifier: MIT */
/* The paths of a store: there or not, in order, how many are open, and gone. */
#include "must.h"

static void show(weir_store *store, const char *prefix)
{
    weir_store_names names;
    weir_store_counts count;

    must(weir_store_list(store, prefix, &names));
    must(weir_store_count(store, &count));
    printf("\"%s\":", prefix);
    for (size_t i = 0; i < names.n; i++)
        printf(" %s", names.names[i]);
    printf("; in all %zu open, %zu ended\n", count.open, count.closed);
    weir_store_names_free(&names);
}

int main(void)
{
    static const char *const paths[] = {"orders/new", "orders/done", "users"};
    weir_store *store;
    weir_store_writer *w[3];

    must(weir_store_channel(&store, NULL));
    for (int i = 0; i < 3; i++)
        must(weir_store_writer_open(&w[i], store, paths[i]));
    show(store, "");
    show(store, "orders/");

    must(weir_store_writer_close(w[0]));
    show(store, "orders/");
    printf("orders/new: %s\n",
           weir_errname(weir_store_write(w[0], "late", 4, NULL)));

    must(weir_store_delete(store, "orders/new"));
    printf("orders/new %s\n",
           must(weir_store_exists(store, "orders/new")) ? "exists" : "is gone");
    show(store, "orders/");

    for (int i = 0; i < 3; i++)
        weir_store_writer_free(w[i]);
    weir_store_free(store);
    return printed();
}
