/* SPDX-License-Identifier: MIT */
/*
 * A folder of its own for each test, gone at its end; publishers and
 * subscriptions on files there; and other processes: the program itself, run
 * anew with the name of a part and its arguments, so that they have nothing
 * of this one.
 *
 *     ROLE(keep_lock) { ... argv[2] is the first argument ... }
 *     FILES_MAIN({"keep_lock", keep_lock}, ...)(CHECK_TEST(...), ...)
 */
#ifndef FILES_H
#define FILES_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/file.h>
#include <weir/pub.h>
#include "../chan/parties.h"

#define AN_HOUR (3600 * WEIR_SECOND)

/* ---- the folder ---------------------------------------------------------- */

static char folder[64];

static inline int files_remove(const char *path, const struct stat *st,
                               int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static inline void files_end(void)
{
    nftw(folder, files_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The engine is known, and the folder is there: in memory, where the system
 * has that, for a disk would be waited for most of the time. */
static inline void files_begin(void)
{
    strcpy(folder, "/dev/shm/weir-file-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        strcpy(folder, "/tmp/weir-file-XXXXXX");
        must(mkdtemp(folder) != NULL);
    }
    must_eq(weir_engine_register(weir_file_engine()), 0);
}

/* A path in the folder, and a URL for it with options ("" or "a=b"): valid
 * until the next but thirty. */
static inline char *files_text(void)
{
    static char texts[32][8192];
    static int next;

    return texts[next++ % 32];
}

static inline const char *path_of(const char *name)
{
    char *to = files_text();

    snprintf(to, 8192, "%s/%s", folder, name);
    return to;
}

static inline const char *url_of(const char *name, const char *options)
{
    char *to = files_text();

    snprintf(to, 8192, "file:%s/%s%s%s", folder, name, *options ? "?" : "",
             options);
    return to;
}

/* ---- handles ------------------------------------------------------------- */

static inline weir_pub *publisher(const char *url)
{
    weir_pub *p = NULL;
    weir_why why;
    const int err = weir_pub_open(&p, url, &why);

    if (err != 0)
        ck_abort_msg("%s: %s: %s", url, weir_errname(err), why.text);
    return p;
}

static inline weir_sub *subscriber(const char *url, weir_sub_opts o)
{
    weir_sub *s = NULL;
    weir_why why;

    if (o.ack_wait == 0)
        o.ack_wait = AN_HOUR;
    const int err = weir_sub_open(&s, url, &o, &why);
    if (err != 0)
        ck_abort_msg("%s: %s: %s", url, weir_errname(err), why.text);
    return s;
}

static inline weir_sub *worker_of(const char *url)
{
    return subscriber(url, (weir_sub_opts){.group = "workers"});
}

static inline weir_event *number_event(int n)
{
    weir_event *e = NULL;
    char text[16];
    const int size = snprintf(text, sizeof text, "%d", n);
    const weir_event_opts o = {.payload = text, .size = (size_t)size};

    must_eq(weir_event_new(&e, &o), 0);
    return e;
}

static inline int publish_number(weir_pub *p, int n, weir_ctx *ctx)
{
    weir_event *e = number_event(n);
    const int err = weir_pub_publish(p, e, NULL, ctx);

    weir_event_unref(e);
    return err;
}

static inline int number_in(const weir_message *m)
{
    char text[16] = "";

    must(m->event->size < sizeof text);
    memcpy(text, m->event->payload, m->event->size);
    return atoi(text);
}

/* The next message, which must come, is settled: its number. */
static inline int next_number(weir_sub *s)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(s, &m, NULL), 0);
    const int n = number_in(m);
    must_eq(weir_message_ack(m, NULL), 0);
    weir_message_free(m);
    return n;
}

/* ---- the database behind the engine's back ------------------------------- */

static inline sqlite3 *raw_open(const char *path)
{
    sqlite3 *db = NULL;

    must_eq(sqlite3_open(path, &db), SQLITE_OK);
    must_eq(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
    return db;
}

static inline void raw_exec(sqlite3 *db, const char *text)
{
    char *message = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        ck_abort_msg("%s: %s", text, message);
}

static inline void raw_do(const char *path, const char *text)
{
    sqlite3 *db = raw_open(path);

    raw_exec(db, text);
    must_eq(sqlite3_close(db), SQLITE_OK);
}

static inline long long raw_number(const char *path, const char *text)
{
    sqlite3 *db = raw_open(path);
    sqlite3_stmt *s = NULL;

    must_eq(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
    must_eq(sqlite3_step(s), SQLITE_ROW);
    const long long n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    must_eq(sqlite3_close(db), SQLITE_OK);
    return n;
}

static inline void raw_check(const char *path)
{
    sqlite3 *db = raw_open(path);
    sqlite3_stmt *s = NULL;

    must_eq(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL),
            SQLITE_OK);
    must_eq(sqlite3_step(s), SQLITE_ROW);
    must(strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0);
    sqlite3_finalize(s);
    must_eq(sqlite3_close(db), SQLITE_OK);
}

/* ---- other processes ----------------------------------------------------- */

/* In a part: until it is killed. */
static inline _Noreturn void stay(void)
{
    for (;;)
        pause();
}

struct other {
    pid_t pid;
    FILE *in, *out; /* of it: what it is told, what it says                 */
};

/* arguments: at most 6, NULL at the end. */
static inline struct other other_start(const char *part, const char *a,
                                       const char *b, const char *c)
{
    const char *argv[] = {"part", part, a, b, c, NULL};
    int in[2], out[2];

    must_eq(pipe2(in, O_CLOEXEC), 0);
    must_eq(pipe2(out, O_CLOEXEC), 0);
    const pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return (struct other){pid, fdopen(in[1], "w"), fdopen(out[0], "r")};
}

/* The next line that it says, without the end; false: it says no more. */
static inline bool other_says(struct other *o, char *line, size_t size)
{
    if (!fgets(line, (int)size, o->out))
        return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

static inline void other_must_say(struct other *o, const char *what)
{
    char line[256] = "";

    must(other_says(o, line, sizeof line));
    ck_assert_str_eq(line, what);
}

static inline void other_tell(struct other *o, const char *line)
{
    fprintf(o->in, "%s\n", line);
    fflush(o->in);
}

/* Ends its input, and waits for its end: its status. */
static inline int other_end(struct other *o)
{
    int status = -1;

    fclose(o->in);
    must_eq(waitpid(o->pid, &status, 0), o->pid);
    fclose(o->out);
    return status;
}

/* In the part: what it says comes in whole lines, at once. */
static inline void say(const char *form, ...)
    __attribute__((format(printf, 1, 2)));
static inline void say(const char *form, ...)
{
    char line[256];
    va_list args;

    va_start(args, form);
    const int n = vsnprintf(line, sizeof line - 1, form, args);
    va_end(args);
    line[n] = '\n';
    must_eq(write(STDOUT_FILENO, line, (size_t)n + 1), n + 1);
}

/* ---- who holds the lock of a database ------------------------------------ */

/* Holds the lock for writing from one line of its input to the next. */
static inline int hold_part(char **args)
{
    sqlite3 *db = raw_open(args[0]);
    char line[16];

    for (;;) {
        raw_exec(db, "BEGIN IMMEDIATE");
        say("locked");
        if (!fgets(line, sizeof line, stdin))
            break;
        raw_exec(db, "COMMIT");
        say("free");
        if (!fgets(line, sizeof line, stdin))
            break;
    }
    _exit(0); /* without a close: as if it had been killed */
}

/* Starts it, as the role "hold"; it has the lock of the file. */
static inline struct other holder(const char *name)
{
    struct other o = other_start("hold", path_of(name), NULL, NULL);

    other_must_say(&o, "locked");
    return o;
}

static inline void set_free(struct other *o)
{
    other_tell(o, "free it");
    other_must_say(o, "free");
}

/* ---- roles --------------------------------------------------------------- */

struct role {
    const char *name;
    int (*fn)(char **args);
};

/* Runs the part that argv names; -1: it names none. */
static inline int run_role(int argc, char **argv, const struct role *roles,
                           size_t n)
{
    for (size_t i = 0; argc > 1 && i < n; i++)
        if (strcmp(argv[1], roles[i].name) == 0) {
            must_eq(weir_engine_register(weir_file_engine()), 0);
            return roles[i].fn(argv + 2);
        }
    return -1;
}

#define ROLES(...) static const struct role roles_[] = {__VA_ARGS__}

#define FILES_MAIN(...)                                                        \
    int main(int argc, char **argv)                                            \
    {                                                                          \
        const struct check_entry entries_[] = {__VA_ARGS__};                   \
        const int part =                                                       \
            run_role(argc, argv, roles_, sizeof roles_ / sizeof roles_[0]);    \
        return part >= 0 ? part                                                \
                         : check_main(entries_,                                \
                                      sizeof entries_ / sizeof entries_[0]);   \
    }

#endif
