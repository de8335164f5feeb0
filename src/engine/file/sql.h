/* SPDX-License-Identifier: MIT */
/* The statements (schema.c has their texts), and how one is executed. */
#ifndef WR_ENGINE_FILE_SQL_H
#define WR_ENGINE_FILE_SQL_H

#include <sqlite3.h>
#include <weir/base.h>

struct db;

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    DATA_VERSION,
    TOPIC_FIND,
    TOPIC_LOAD,
    TOPIC_ADD,
    TOPIC_SAVE,
    TOPIC_DROP,
    GROUP_FIND,
    GROUP_LOAD,
    GROUP_ADD,
    GROUP_SAVE,
    GROUP_DROP,
    GROUPS_ANY,
    GROUPS_COUNT,
    GROUPS_FLOOR,
    GROUPS_LOSE,
    GROUPS_PASS,
    LEASE_RENEW,
    LEASE_FIRST,
    LEASE_OVER,
    MESSAGE_ADD,
    MESSAGE_GET,
    MESSAGE_STAMP,
    MESSAGE_YOUNGER,
    MESSAGE_SIZES,
    MESSAGE_POP,
    MESSAGE_DROP,
    MESSAGE_BURY,
    ID_FIND,
    ID_ADD,
    ID_DROP,
    ID_EXPIRE,
    IDS_DROP,
    PENDING_ADD,
    PENDING_GET,
    PENDING_DUE,
    PENDING_NEXT_DUE,
    PENDING_NEXT,
    PENDING_DEAD,
    PENDING_KEY,
    PENDING_TAKE,
    PENDING_BACK,
    PENDING_MORE,
    PENDING_DROP,
    PENDING_ACK,
    PENDING_UNBLOCK,
    PENDING_COUNT,
    PENDING_ALL,
    PENDING_LOSE,
    PENDING_ORPHANS,
    STATEMENTS
};

/* 1: there is a row in *s, to be ended by wr_file_reset; 0: there is none;
 * otherwise a code. The arguments follow the form: i int64_t; t const char *
 * (NULL: null); b const void *, size_t (NULL or 0: null); n null. What they
 * point to stays until the statement is over. */
int wr_file_row(struct db *db, enum statement id, sqlite3_stmt **s,
                const char *form, ...);
void wr_file_reset(sqlite3_stmt *s);
/* Without a row. 0, or a code. */
int wr_file_run(struct db *db, enum statement id, const char *form, ...);
/* The row's first column, or `none`. 0, or a code. */
int wr_file_number(struct db *db, enum statement id, int64_t *out, int64_t none,
                   const char *form, ...);
/* The code for what SQLite returned, and the sentence in db->why. */
int wr_file_failed(struct db *db, int rc);
int64_t wr_file_clock(void);

#endif
