/* SPDX-License-Identifier: MIT */
/* The table of the engine, and the calls that have no handle. Each call is a
 * request to the thread of its database. */
#include "engine/file/handle.h"

/* ---- topics -------------------------------------------------------------- */

static int about_topic(enum kind kind, const weir_url *url, const char *group,
                       weir_topic_counts *out, weir_why *why)
{
    struct place p;
    struct db *db;
    weir_why own = {{0}};
    int err = wr_file_read_url(&p, url, why);
    if (!err)
        err = wr_file_db_get(&db, url->rest, false, why);
    if (err)
        return err;
    struct request *r = wr_file_request(kind, NULL, 0);
    if (r) {
        r->topic = p.topic;
        r->group = group;
        r->sync = p.sync;
        r->busy = p.busy;
        r->why = why ? why : &own;
        r->why->text[0] = 0;
        wr_file_ask_surely(db, r);
        err = (int)r->result;
        if (!err && out)
            *out = r->topic_counts;
        wr_file_request_free(r);
    }
    wr_file_db_put(db);
    return r ? err : WEIR_ENOMEM;
}

static int topic_counts(const weir_url *url, weir_topic_counts *out,
                        weir_why *why)
{
    return about_topic(ASK_TOPIC_COUNTS, url, NULL, out, why);
}

static int topic_remove(const weir_url *url, weir_why *why)
{
    return about_topic(ASK_TOPIC_REMOVE, url, NULL, NULL, why);
}

static int group_remove(const weir_url *url, const char *group, weir_why *why)
{
    return about_topic(ASK_GROUP_REMOVE, url, group, NULL, why);
}

/* ---- the table ----------------------------------------------------------- */

const weir_engine *weir_file_engine(void)
{
    static const weir_engine engine = {
        .size = sizeof(engine),
        .caps = {.engine = "file",
                 .durable = true,
                 .shared = true,
                 .dedup = true,
                 .delay = true,
                 .in_progress = true,
                 .dead_letter = true,
                 .key_order = true,
                 .from_seq = true,
                 .from_time = true,
                 .block = true,
                 .headers = true,
                 .max_message = UINT64_C(512) << 20},
        .pub_open = wr_file_pub_open,
        .publish = wr_file_pub_publish,
        .pub_close = wr_file_handle_close,
        .pub_free = wr_file_handle_end,
        .sub_open = wr_file_sub_open,
        .recv = wr_file_sub_recv,
        .settle = wr_file_sub_settle,
        .delivery_free = wr_file_sub_delivery_free,
        .sub_close = wr_file_handle_close,
        .sub_free = wr_file_handle_end,
        .sub_counts = wr_file_sub_counts,
        .topic_counts = topic_counts,
        .topic_remove = topic_remove,
        .group_remove = group_remove,
    };
    return &engine;
}
