/* SPDX-License-Identifier: MIT */
/* Lists of names, and what a name may be. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"

bool wr_store_prefix_ok(const char *prefix)
{
    if (!prefix)
        return false;
    size_t n = 0;
    for (; prefix[n] != '\0'; n++) {
        const unsigned char c = (unsigned char)prefix[n];
        if (n == WEIR_STORE_PATH_MAX || c < 32 || c == 127)
            return false;
    }
    return true;
}

bool wr_store_path_ok(const char *path)
{
    return wr_store_prefix_ok(path) && path[0] != '\0';
}

static int make_room(struct wr_store_naming *to)
{
    weir_store_names *list = to->out;
    if (list->n < to->room)
        return 0;
    const size_t room = to->room ? 2 * to->room : 16;
    char **names = wr_alloc(room * sizeof(*names));
    if (!names)
        return WEIR_ENOMEM;
    if (list->n > 0)
        memcpy(names, list->names, list->n * sizeof(*names));
    wr_free(list->names);
    list->names = names;
    to->room = room;
    return 0;
}

int wr_store_names_add(void *arg, const char *name)
{
    struct wr_store_naming *to = arg;
    const size_t size = strlen(name) + 1;
    if (make_room(to))
        return WEIR_ENOMEM;
    char *copy = wr_alloc(size);
    if (!copy)
        return WEIR_ENOMEM;
    memcpy(copy, name, size);
    to->out->names[to->out->n++] = copy;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void wr_store_names_sort(weir_store_names *names)
{
    if (names->n > 1)
        qsort(names->names, names->n, sizeof(*names->names), compare);
}

void weir_store_names_free(weir_store_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->n; i++)
        wr_free(names->names[i]);
    wr_free(names->names);
    *names = (weir_store_names){0};
}
