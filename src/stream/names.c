/* SPDX-License-Identifier: MIT */
#include "stream/names.h"

#include <string.h>
#include <weir/base.h>
#include "base/mem.h"

static int widen(struct wr_names *n, size_t by)
{
    const size_t room = 2 * n->room + by + 256;
    char *text = wr_alloc_unset(room);
    if (!text)
        return WEIR_ENOMEM;
    if (n->text)
        memcpy(text, n->text, n->size);
    wr_free(n->text);
    n->text = text;
    n->room = room;
    return 0;
}

int wr_names_add(struct wr_names *n, const char *name)
{
    const size_t size = strlen(name) + 1;
    if (n->size + size > n->room) {
        int err = widen(n, size);
        if (err)
            return err;
    }
    memcpy(n->text + n->size, name, size);
    n->size += size;
    return 0;
}

int wr_names_tell(struct wr_names *n, int (*each)(const char *, void *),
                  void *arg)
{
    int result = 0;
    for (size_t at = 0; each && !result && at < n->size;
         at += strlen(n->text + at) + 1)
        result = each(n->text + at, arg);
    wr_free(n->text);
    *n = (struct wr_names){0};
    return result;
}
