/* SPDX-License-Identifier: MIT */
/* Topics and groups by URL: the calls that need no handle. */
#include <string.h>

#include "base/misuse.h"
#include "event/engine.h"

bool wr_group_name_ok(const char *name)
{
    size_t n = 0;
    for (; name && name[n] && n <= WR_NAME_MAX; n++)
        if ((unsigned char)name[n] < ' ' || name[n] == 127)
            return false;
    return n > 0 && n <= WR_NAME_MAX;
}

int weir_topic_get_counts(const char *text, weir_topic_counts *out,
                          weir_why *why)
{
    weir_url *url;
    const weir_engine *e;
    wr_why_clear(why);
    if (!out)
        return WR_MISUSE("no place for the counts");
    int err = wr_engine_of(&e, &url, text, why);
    if (err)
        return err;
    err = e->topic_counts(url, out, why);
    wr_why_end(why, err, url);
    weir_url_free(url);
    return err;
}

int weir_topic_remove(const char *text, weir_why *why)
{
    weir_url *url;
    const weir_engine *e;
    int err = wr_engine_of(&e, &url, text, why);
    if (err)
        return err;
    err = e->topic_remove(url, why);
    wr_why_end(why, err, url);
    weir_url_free(url);
    return err;
}

int weir_group_remove(const char *text, const char *group, weir_why *why)
{
    weir_url *url;
    const weir_engine *e;
    wr_why_clear(why);
    if (!wr_group_name_ok(group))
        return weir_why_set(why, WR_MISUSE("a bad name of a group"),
                            WR_NAME_RULE);
    int err = wr_engine_of(&e, &url, text, why);
    if (err)
        return err;
    err = e->group_remove(url, group, why);
    wr_why_end(why, err, url);
    weir_url_free(url);
    return err;
}
