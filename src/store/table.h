/* SPDX-License-Identifier: MIT */
/* The paths of a store, sorted by name. The caller has the lock; what is in
 * the table is the caller's. */
#ifndef WR_STORE_TABLE_H
#define WR_STORE_TABLE_H

#include <stddef.h>

/* The start of each struct that goes into a table. */
struct wr_named {
    const char *name;
};

struct wr_table {
    struct wr_named **at; /* in the order of strcmp, no two of a name       */
    size_t n, room;
};

/* NULL: there is none. */
struct wr_named *wr_table_find(const struct wr_table *t, const char *name);

/* Its name is not there yet. 0, WEIR_ENOMEM. */
int wr_table_insert(struct wr_table *t, struct wr_named *entry);

/* Takes out the one of that name, if there is one, and returns it. */
struct wr_named *wr_table_take(struct wr_table *t, const char *name);

/* The first entry after that name, which need not be there; NULL: none. */
struct wr_named *wr_table_after(const struct wr_table *t, const char *name);

/* How many names begin with prefix; they are together from *first on. */
size_t wr_table_matching(const struct wr_table *t, const char *prefix,
                         size_t *first);

/* As list of the backends has it. */
int wr_table_list(const struct wr_table *t, const char *prefix,
                  int (*each)(void *arg, const char *name), void *arg);

void wr_table_free(struct wr_table *t);

#endif
