/* SPDX-License-Identifier: MIT */
/* Statements and their arguments, and what SQLite's results mean. */
#include "engine/file/file.h"

#include <errno.h>
#include <stdarg.h>
#include <time.h>

int64_t wr_file_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * WEIR_SECOND + now.tv_nsec;
}

/* ---- results ------------------------------------------------------------- */

static int system_code(const struct db *db, int otherwise)
{
    const int err = sqlite3_system_errno(db->sql);
    return err > 0 ? -err : otherwise;
}

static int code_of(const struct db *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return WEIR_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return WEIR_BUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return system_code(db, -EROFS);
    case SQLITE_CANTOPEN:
        return system_code(db, -EIO);
    case SQLITE_TOOBIG:
        return -EMSGSIZE;
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM)
            return WEIR_ENOMEM;
        return rc == SQLITE_IOERR_SHORT_READ ? WEIR_CORRUPT
                                             : system_code(db, -EIO);
    default:
        /* CORRUPT, NOTADB, and ERROR: its tables are not ours. */
        return WEIR_CORRUPT;
    }
}

int wr_file_failed(struct db *db, int rc)
{
    const int code = code_of(db, rc);
    if (code == WEIR_BUSY)
        return weir_why_set(&db->why, code,
                            "file:%.200s: another process has locked it",
                            db->path);
    if (code == WEIR_CORRUPT)
        return weir_why_set(&db->why, code,
                            "file:%.200s: the database is damaged, or none: %s",
                            db->path, sqlite3_errmsg(db->sql));
    return weir_why_set(&db->why, code, "file:%.200s: %s (%s)", db->path,
                        sqlite3_errmsg(db->sql), weir_strerror(code));
}

/* ---- statements ---------------------------------------------------------- */

void wr_file_reset(sqlite3_stmt *s)
{
    sqlite3_reset(s);
}

static int bind_blob(sqlite3_stmt *s, int at, va_list *args)
{
    const void *p = va_arg(*args, const void *);
    const size_t size = va_arg(*args, size_t);
    if (!size)
        return sqlite3_bind_null(s, at);
    return sqlite3_bind_blob64(s, at, p, size, SQLITE_STATIC);
}

static int bind(sqlite3_stmt *s, const char *form, va_list *args)
{
    int rc = SQLITE_OK;
    for (int at = 1; *form && rc == SQLITE_OK; at++, form++)
        if (*form == 'i')
            rc = sqlite3_bind_int64(s, at, va_arg(*args, int64_t));
        else if (*form == 't')
            rc = sqlite3_bind_text(s, at, va_arg(*args, const char *), -1,
                                   SQLITE_STATIC);
        else if (*form == 'b')
            rc = bind_blob(s, at, args);
        else
            rc = sqlite3_bind_null(s, at);
    return rc;
}

static int step(struct db *db, enum statement id, sqlite3_stmt **out,
                const char *form, va_list *args)
{
    sqlite3_stmt *s = db->statements[id];
    int rc = bind(s, form, args);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    *out = s;
    if (rc == SQLITE_ROW)
        return 1;
    const int code = rc == SQLITE_DONE ? 0 : wr_file_failed(db, rc);
    sqlite3_reset(s);
    return code;
}

int wr_file_row(struct db *db, enum statement id, sqlite3_stmt **s,
                const char *form, ...)
{
    va_list args;
    va_start(args, form);
    const int found = step(db, id, s, form, &args);
    va_end(args);
    return found;
}

int wr_file_run(struct db *db, enum statement id, const char *form, ...)
{
    va_list args;
    sqlite3_stmt *s;
    va_start(args, form);
    const int found = step(db, id, &s, form, &args);
    va_end(args);
    if (found > 0)
        wr_file_reset(s);
    return found < 0 ? found : 0;
}

int wr_file_number(struct db *db, enum statement id, int64_t *out, int64_t none,
                   const char *form, ...)
{
    va_list args;
    sqlite3_stmt *s;
    va_start(args, form);
    const int found = step(db, id, &s, form, &args);
    va_end(args);
    *out = none;
    if (found <= 0)
        return found;
    if (sqlite3_column_type(s, 0) != SQLITE_NULL)
        *out = sqlite3_column_int64(s, 0);
    wr_file_reset(s);
    return 0;
}
