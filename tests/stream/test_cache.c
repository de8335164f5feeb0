/* SPDX-License-Identifier: MIT */
/*
 * Streams by key: one writer a key, hits while it writes and after, failures,
 * removal, limits, and what is found after a restart.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <weir/stream_cache.h>
#include "streams.h"

static weir_stream_cache *cache_on(weir_fs *fs, weir_stream_cache_opts o)
{
    weir_stream_cache *c;

    must_eq(weir_stream_cache_new(fs, &o, &c), 0);
    return c;
}

static weir_stream_cache_counts counted(weir_stream_cache *c)
{
    weir_stream_cache_counts counts;

    must_eq(weir_stream_cache_get_counts(c, &counts), 0);
    return counts;
}

/* A miss that is written to its end. */
static void add(weir_stream_cache *c, const char *key, size_t n)
{
    weir_reader *r;
    weir_stream *w;

    must_eq(weir_stream_cache_get(c, key, &r, &w, NULL), 1);
    if (n > 0)
        put_bytes(w, n);
    must_eq(weir_stream_close(w), 0);
    weir_stream_unref(w);
    weir_reader_free(r);
}

static weir_reader *hit(weir_stream_cache *c, const char *key)
{
    weir_reader *r;
    weir_stream *w;

    must_eq(weir_stream_cache_get(c, key, &r, &w, NULL), 0);
    must(r != NULL && w == NULL);
    return r;
}

static bool has(weir_stream_cache *c, const char *key)
{
    weir_reader *r;
    int err = weir_stream_cache_find(c, key, &r, NULL);

    must(err == 0 || err == -ENOENT);
    weir_reader_free(r);
    return err == 0;
}

static void must_have(weir_reader *r, int64_t n)
{
    unsigned char buf[500];
    int64_t off = 0;
    ptrdiff_t got;

    while ((got = weir_reader_read(r, buf, sizeof buf, NULL)) > 0) {
        must_be(buf, (size_t)got, off);
        off += got;
    }
    must_eq(got, 0);
    must_eq(off, n);
    weir_reader_free(r);
}

/* A behaviour over each file system whose files say whether they are
 * complete. */
#define OVER_COMPLETE(name)                                                    \
    static void name##_on(struct crew *crew, weir_fs *fs);                     \
    OVER_EACH(name)                                                            \
    {                                                                          \
        if (fs->ops->reopen)                                                   \
            name##_on(crew, fs);                                               \
    }                                                                          \
    static void name##_on(struct crew *crew, weir_fs *fs)

/* ---- one writer ---------------------------------------------------------- */

struct party_at {
    weir_stream_cache *c;
    atomic_int writers, readers;
};

static void ask(void *arg)
{
    struct party_at *p = arg;
    weir_reader *r;
    weir_stream *w;
    const int got = weir_stream_cache_get(p->c, "the key", &r, &w, NULL);

    must(got == 0 || got == 1);
    must((got == 1) == (w != NULL));
    if (w) {
        atomic_fetch_add(&p->writers, 1);
        put_bytes(w, 1000);
        settle();
        put_bytes(w, 1000);
        must_eq(weir_stream_close(w), 0);
        weir_stream_unref(w);
    }
    must_have(r, 2000);
    atomic_fetch_add(&p->readers, 1);
}

OVER_COMPLETE(who_asks_first_writes_and_all_read)
{
    struct party_at p = {cache_on(fs, (weir_stream_cache_opts){0}), 0, 0};
    int i;

    for (i = 0; i < 20; i++)
        crew_go(crew, ask, &p);
    crew_wait(crew);
    must_eq(atomic_load(&p.writers), 1);
    must_eq(atomic_load(&p.readers), 20);
    must_eq(counted(p.c).hits, 19);
    must_eq(counted(p.c).misses, 1);
    must_eq(counted(p.c).streams, 1);
    must_eq(counted(p.c).bytes, 2000);
    weir_stream_cache_free(p.c);
}

OVER_COMPLETE(a_hit_reads_while_it_is_written)
{
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    weir_reader *mine, *r;
    weir_stream *w;

    must_eq(weir_stream_cache_get(c, "k", &mine, &w, NULL), 1);
    put_text(w, "Hello");
    r = hit(c, "k");
    must_read(r, "Hello");
    must_read(mine, "Hello");
    put_text(w, " World");
    must_eq(counted(c).bytes, 11);
    must_eq(weir_stream_close(w), 0);
    weir_stream_unref(w);
    must_read(r, " World");
    must_end(r);
    weir_reader_free(r);
    weir_reader_free(mine);
    must(!has(c, "other"));
    weir_stream_cache_free(c);
    (void)crew;
}

OVER_COMPLETE(a_stream_that_failed_is_written_anew)
{
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    weir_reader *r;
    weir_stream *w;
    char buf[9];
    int i;

    for (i = 0; i < 2; i++) {
        must_eq(weir_stream_cache_get(c, "k", NULL, &w, NULL), 1);
        put_text(w, "half");
        r = hit(c, "k");
        if (i == 0)
            must_eq(weir_stream_close_with(w, -EPIPE), 0);
        else
            must_eq(weir_stream_cancel(w, -EPIPE), 0);
        weir_stream_unref(w);
        must(!has(c, "k"));
        if (i == 0)
            must_read(r, "half");
        must_eq(weir_reader_read(r, buf, 9, NULL), -EPIPE);
        weir_reader_free(r);
    }
    must_eq(counted(c).failed, 2);
    must_eq(counted(c).streams, 0);
    must_eq(counted(c).bytes, 0);
    add(c, "k", 10);
    must_have(hit(c, "k"), 10);
    weir_stream_cache_free(c);
    (void)crew;
}

/* ---- removal ------------------------------------------------------------- */

struct removal {
    weir_stream_cache *c;
    atomic_bool done;
};

static void remove_it(void *arg)
{
    struct removal *m = arg;

    must_eq(weir_stream_cache_remove(m->c, "k", NULL), 0);
    atomic_store(&m->done, true);
}

OVER_COMPLETE(remove_lets_readers_end_and_the_key_is_free)
{
    struct removal m = {cache_on(fs, (weir_stream_cache_opts){0}), false};
    weir_reader *r;

    add(m.c, "k", 100);
    r = hit(m.c, "k");
    crew_go(crew, remove_it, &m);
    while (has(m.c, "k"))
        weir_yield();
    add(m.c, "k", 200);
    settle();
    must(!atomic_load(&m.done));
    must_have(r, 100);
    crew_wait(crew);
    must_have(hit(m.c, "k"), 200);
    must_eq(weir_stream_cache_remove(m.c, "none", NULL), -ENOENT);
    must_eq(counted(m.c).removed, 1);
    weir_stream_cache_free(m.c);
}

OVER_COMPLETE(remove_has_a_deadline)
{
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_reader *r;
    weir_stream *w;

    must_eq(weir_stream_cache_get(c, "k", &r, &w, NULL), 1);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_stream_cache_remove(c, "k", &ctx), WEIR_CANCELED);
    must(!has(c, "k"));
    must_eq(weir_ctx_fini(&ctx), 0);
    put_text(w, "both go on");
    must_read(r, "both go on");
    must_eq(weir_stream_close(w), 0);
    weir_stream_unref(w);
    weir_reader_free(r);
    weir_stream_cache_free(c);
    (void)crew;
}

/* Whoever asks gets a stream of one writer, whole, whatever is removed at the
 * same time. */
struct racing {
    weir_stream_cache *c;
    atomic_int next;
};

static void check_whole(weir_reader *r)
{
    char all[64], first[8];
    int i;

    must_eq(read_n(r, all, sizeof all), 60);
    memcpy(first, all, 6);
    for (i = 0; i < 60; i += 6)
        must(memcmp(all + i, first, 6) == 0);
    weir_reader_free(r);
}

static void get_and_write(struct racing *x, const char *key)
{
    weir_reader *r;
    weir_stream *w;
    char text[8];
    int i;

    must(weir_stream_cache_get(x->c, key, &r, &w, NULL) >= 0);
    if (w) {
        snprintf(text, sizeof text, "%06d", atomic_fetch_add(&x->next, 1));
        for (i = 0; i < 10; i++)
            put_text(w, text);
        must_eq(weir_stream_close(w), 0);
        weir_stream_unref(w);
    }
    check_whole(r);
}

static void race(void *arg)
{
    static const char *const keys[] = {"a", "b"};
    struct racing *x = arg;
    const int rounds = check_scale(200);
    int i, err;

    for (i = 0; i < rounds; i++) {
        get_and_write(x, keys[i % 2]);
        if (i % 3 == 0) {
            err = weir_stream_cache_remove(x->c, keys[i % 2], NULL);
            must(err == 0 || err == -ENOENT);
        }
    }
}

OVER_COMPLETE(a_get_and_a_remove_never_meet_halfway)
{
    struct racing x = {cache_on(fs, (weir_stream_cache_opts){0}), 0};
    int i;

    for (i = 0; i < 6; i++)
        crew_go(crew, race, &x);
    crew_wait(crew);
    must(counted(x.c).removed > 0);
    must_eq(counted(x.c).failed, 0);
    must_eq((int)counted(x.c).misses, atomic_load(&x.next));
    weir_stream_cache_free(x.c);
}

/* ---- limits -------------------------------------------------------------- */

static int count_file(const char *name, void *n)
{
    (void)name;
    ++*(int *)n;
    return 0;
}

static int files_of(weir_fs *fs)
{
    int n = 0;

    must_eq(fs->ops->list(fs, count_file, &n), 0);
    return n;
}

OVER_COMPLETE(the_least_recently_asked_for_leave_first)
{
    weir_stream_cache *c =
        cache_on(fs, (weir_stream_cache_opts){.max_bytes = 350});
    weir_reader *r;

    add(c, "a", 100);
    add(c, "b", 100);
    add(c, "c", 100);
    weir_reader_free(hit(c, "a"));
    r = hit(c, "b");
    weir_reader_free(hit(c, "c"));
    weir_reader_free(hit(c, "a"));
    add(c, "d", 100);
    must_eq(weir_stream_cache_trim(c), 1);
    must(!has(c, "b") && has(c, "c") && has(c, "d"));
    must_eq(files_of(fs), 3);
    must_have(r, 100);
    must_eq(counted(c).bytes, 300);
    add(c, "large", 400);
    must_eq(files_of(fs), 4);
    must(has(c, "large"));
    must_eq(files_of(fs), 1);
    must_eq(weir_stream_cache_trim(c), 1);
    must_eq(files_of(fs), 0);
    must_eq(counted(c).evicted, 5);
    weir_stream_cache_free(c);
    (void)crew;
}

OVER_COMPLETE(what_has_left_has_no_new_readers)
{
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    weir_reader *r, *late;
    weir_stream *w;

    must_eq(weir_stream_cache_get(c, "k", &r, &w, NULL), 1);
    put_bytes(w, 100);
    must_eq(weir_stream_close(w), 0);
    weir_stream_cache_free(c);
    c = cache_on(fs, (weir_stream_cache_opts){.max_bytes = 10});
    must_eq(weir_stream_cache_trim(c), 1);
    must_eq(weir_stream_next_reader(w, &late), -ENOENT);
    must_have(r, 100);
    weir_stream_unref(w);
    must_eq(weir_stream_cache_get(c, "k", &r, &w, NULL), 1);
    put_bytes(w, 100);
    must_eq(weir_stream_close(w), 0);
    must_eq(weir_stream_cache_trim(c), 1);
    must_eq(weir_stream_next_reader(w, &late), WEIR_REMOVING);
    must_have(r, 100);
    weir_stream_unref(w);
    weir_stream_cache_free(c);
    (void)crew;
}

OVER_COMPLETE(so_many_and_no_more_stay)
{
    weir_stream_cache *c =
        cache_on(fs, (weir_stream_cache_opts){.max_streams = 10});
    char key[20];
    int i;

    for (i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%d", i);
        add(c, key, 1);
        must(counted(c).streams <= 10);
    }
    for (i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "%d", i);
        must_eq(has(c, key), i >= 90);
    }
    must_eq(files_of(fs), 10);
    must_eq(counted(c).evicted, 90);
    weir_stream_cache_free(c);
    (void)crew;
}

OVER_COMPLETE(what_is_being_written_stays)
{
    weir_stream_cache *c =
        cache_on(fs, (weir_stream_cache_opts){.max_bytes = 10, .max_age = 1});
    weir_stream *w;

    must_eq(weir_stream_cache_get(c, "k", NULL, &w, NULL), 1);
    put_bytes(w, 100);
    must_eq(weir_stream_cache_trim(c), 0);
    must(has(c, "k"));
    must_eq(weir_stream_close(w), 0);
    weir_stream_unref(w);
    must_eq(weir_stream_cache_trim(c), 1);
    must(!has(c, "k"));
    weir_stream_cache_free(c);
    (void)crew;
}

OVER_COMPLETE(age_and_idleness_end_a_stream)
{
    weir_stream_cache *old =
        cache_on(fs, (weir_stream_cache_opts){.max_age = 1});
    weir_stream_cache *young;
    weir_stream *w;

    add(old, "a", 10);
    must_eq(weir_stream_cache_trim(old), 1);
    add(old, "a", 10);
    must_eq(weir_stream_cache_get(old, "a", NULL, &w, NULL), 0);
    must(!has(old, "a"));
    must_eq(counted(old).expired, 2);
    weir_stream_cache_free(old);
    young = cache_on(fs, (weir_stream_cache_opts){.max_age = WEIR_FOREVER,
                                                  .max_idle = WEIR_FOREVER});
    add(young, "a", 10);
    must_eq(weir_stream_cache_trim(young), 0);
    must(has(young, "a"));
    weir_stream_cache_free(young);
    young = cache_on(fs, (weir_stream_cache_opts){.max_idle = 1});
    must(!has(young, "a"));
    weir_stream_cache_free(young);
    (void)crew;
}

/* ---- after a restart ----------------------------------------------------- */

OVER_COMPLETE(what_is_complete_is_there_after_a_restart)
{
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    weir_stream *w, *half = stream_on(fs, "half~77");

    must_eq(weir_stream_close_with(half, -EIO), 0);
    weir_stream_unref(half);
    weir_stream_unref(stream_on(fs, "notes.txt"));
    weir_stream_unref(stream_on(fs, "~"));
    weir_stream_unref(stream_on(fs, "%2~5"));
    weir_stream_unref(stream_on(fs, "%41~5"));
    add(c, "whole", 1000);
    add(c, "a/b?c=d&e", 2000);
    add(c, "", 3000);
    must_eq(weir_stream_cache_get(c, "cut", NULL, &w, NULL), 1);
    put_bytes(w, 100);
    weir_stream_cache_free(c);
    weir_stream_unref(w);
    c = cache_on(fs, (weir_stream_cache_opts){0});
    must_eq(counted(c).streams, 3);
    must_eq(counted(c).bytes, 6000);
    must_have(hit(c, "whole"), 1000);
    must_have(hit(c, "a/b?c=d&e"), 2000);
    must_have(hit(c, ""), 3000);
    must(!has(c, "cut") && !has(c, "half"));
    must_eq(files_of(fs), 7);
    add(c, "cut", 10);
    must_eq(fs->ops->remove(fs, "cut~78"), 0);
    must(!has(c, "cut"));
    weir_stream_cache_free(c);
    (void)crew;
}

/* Writes what a cache would have left. */
static void leave_file(weir_fs *fs, const char *name, size_t n)
{
    weir_stream *s = stream_on(fs, name);

    put_bytes(s, n);
    must_eq(weir_stream_close(s), 0);
    weir_stream_unref(s);
}

OVER_COMPLETE(of_two_files_of_a_key_the_later_counts)
{
    weir_stream_cache *c;

    leave_file(fs, "k~9", 9);
    leave_file(fs, "k~a", 10);
    leave_file(fs, "k~3", 3);
    weir_stream_unref(stream_on(fs, "k~b"));
    c = cache_on(fs, (weir_stream_cache_opts){0});
    must_eq(files_of(fs), 1);
    must_have(hit(c, "k"), 10);
    must_eq(weir_stream_cache_remove(c, "k", NULL), 0);
    add(c, "k", 11);
    must_eq(fs->ops->remove(fs, "k~c"), 0);
    weir_stream_cache_free(c);
    (void)crew;
}

START_TEST(the_oldest_file_leaves_first_after_a_restart)
{
    struct scratch d = scratch_new();
    weir_fs *fs = marked_of(&d);
    weir_stream_cache *c;
    const char *order = "dbca";
    char name[8], path[100];
    int i;

    for (i = 0; i < 4; i++) {
        const struct timespec at[2] = {{1000 + i, 0}, {1000 + i, 0}};
        snprintf(name, sizeof name, "%c~%d", order[i], order[i] - 'a' + 1);
        leave_file(fs, name, 100);
        snprintf(path, sizeof path, "%s/%s", d.path, name);
        must_eq(utimensat(AT_FDCWD, path, at, 0), 0);
    }
    c = cache_on(fs, (weir_stream_cache_opts){.max_bytes = 250});
    must_eq(weir_stream_cache_trim(c), 2);
    must(!has(c, "d") && !has(c, "b") && has(c, "c") && has(c, "a"));
    weir_stream_cache_free(c);
    c = cache_on(fs, (weir_stream_cache_opts){.max_age = 3600 * WEIR_SECOND});
    must_eq(weir_stream_cache_trim(c), 2);
    weir_stream_cache_free(c);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

/* Somebody takes a file away, cuts it or puts another in its place. */
START_TEST(a_file_that_is_not_what_it_was_is_a_miss)
{
    struct scratch d = scratch_new();
    weir_fs *fs = marked_of(&d);
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    char path[3][100];
    int i, restart;

    for (restart = 0; restart < 2; restart++) {
        const char *const keys[] = {"gone", "cut", "replaced"};
        const int first = restart ? 7 : 1;
        for (i = 0; i < 3; i++) {
            snprintf(path[i], sizeof path[i], "%s/%s~%d", d.path, keys[i],
                     first + i);
            add(c, keys[i], 1000);
        }
        if (restart) {
            weir_stream_cache_free(c);
            c = cache_on(fs, (weir_stream_cache_opts){0});
        }
        must_eq(unlink(path[0]), 0);
        must_eq(truncate(path[1], restart ? 500 : 20), 0);
        must_eq(unlink(path[2]), 0);
        must_eq(mkdir(path[2], 0700), 0);
        must_eq(rmdir(path[2]), 0);
        leave_file(fs, strrchr(path[2], '/') + 1, 10);
        for (i = 0; i < 2; i++)
            add(c, keys[i], 2000);
        if (restart)
            must_have(hit(c, keys[2]), 10);
        else
            add(c, keys[2], 2000);
        must_have(hit(c, keys[1]), 2000);
        for (i = 0; i < 3; i++)
            must_eq(weir_stream_cache_remove(c, keys[i], NULL), 0);
    }
    weir_stream_cache_free(c);
    weir_fs_free(fs);
    scratch_free(&d);
}
END_TEST

/* ---- keys and arguments -------------------------------------------------- */

OVER_COMPLETE(a_key_is_any_text_that_fits)
{
    static const char *const keys[] = {"",
                                       ".",
                                       "..",
                                       "...",
                                       "../../etc/passwd",
                                       "a~1",
                                       "~",
                                       "%41",
                                       "A",
                                       "\x01\xff\x7f",
                                       "a b\tc\n",
                                       "https://weir/?q=1",
                                       "\xc3\xa4"};
    enum { N = sizeof keys / sizeof keys[0] };
    weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
    char longest[239];
    weir_stream *w;
    int i;

    for (i = 0; i < N; i++)
        add(c, keys[i], (size_t)i + 1);
    memset(longest, 'k', sizeof longest);
    longest[238] = 0;
    must_eq(weir_stream_cache_get(c, longest, NULL, &w, NULL), WEIR_LIMIT);
    must(w == NULL);
    must_eq(weir_stream_cache_remove(c, longest, NULL), WEIR_LIMIT);
    longest[237] = 0;
    add(c, longest, 500);
    weir_stream_cache_free(c);
    c = cache_on(fs, (weir_stream_cache_opts){0});
    for (i = 0; i < N; i++)
        must_have(hit(c, keys[i]), i + 1);
    must_have(hit(c, longest), 500);
    weir_stream_cache_free(c);
    (void)crew;
}

START_TEST(what_is_no_argument)
{
    const weir_stream_cache_opts bad[] = {
        {.max_bytes = -1}, {.max_age = -1}, {.max_idle = -1}};
    struct scratch d = scratch_new();
    weir_fs *fs = weir_memfs_new(0), *plain = dirfs_of(&d);
    weir_stream_cache *c;
    weir_reader *r;
    weir_stream *w;
    int i;

    for (i = 0; i < 3; i++)
        must_eq(weir_stream_cache_new(fs, &bad[i], &c), WEIR_EINVAL);
    must_eq(weir_stream_cache_new(NULL, NULL, &c), WEIR_EINVAL);
    must_eq(weir_stream_cache_new(fs, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_new(plain, NULL, &c), WEIR_UNSUPPORTED);
    must(c == NULL);
    must_eq(weir_stream_cache_new(fs, NULL, &c), 0);
    must_eq(weir_stream_cache_get(NULL, "k", &r, &w, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_get(c, NULL, &r, &w, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_get(c, "k", &r, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_find(c, "k", NULL, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_find(NULL, "k", &r, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_remove(NULL, "k", NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_remove(c, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_trim(NULL), WEIR_EINVAL);
    must_eq(weir_stream_cache_get_counts(c, NULL), WEIR_EINVAL);
    weir_stream_cache_free(c);
    weir_stream_cache_free(NULL);
    weir_fs_free(fs);
    weir_fs_free(plain);
    scratch_free(&d);
}
END_TEST

/* ---- a file system that takes its time, and fails ------------------------ */

struct slow {
    weir_fs base;
    weir_fs *under;
    weir_mutex held;
    atomic_int creating;
    int fail;
};

static int slow_create(weir_fs *fs, const char *name, weir_file **out)
{
    struct slow *s = (struct slow *)fs;

    atomic_fetch_add(&s->creating, 1);
    if (strncmp(name, "slow", 4) == 0) {
        must_eq(weir_mutex_lock(&s->held, NULL), 0);
        must_eq(weir_mutex_unlock(&s->held), 0);
    }
    return s->fail ? s->fail : s->under->ops->create(s->under, name, out);
}

static int slow_open(weir_fs *fs, const char *name, weir_file **out)
{
    struct slow *s = (struct slow *)fs;

    return s->under->ops->open(s->under, name, out);
}

static int slow_remove(weir_fs *fs, const char *name)
{
    struct slow *s = (struct slow *)fs;

    return s->under->ops->remove(s->under, name);
}

static const weir_fs_ops slow_ops = {
    .create = slow_create, .open = slow_open, .remove = slow_remove};

static void add_slow(void *c)
{
    add(c, "slow", 10);
}

static void hit_slow(void *c)
{
    must_have(hit(c, "slow"), 10);
}

BEHAVIOUR(a_key_that_is_being_made_holds_up_its_own_alone)
{
    struct slow slow = {.base = {&slow_ops}, .under = weir_memfs_new(0)};
    weir_stream_cache *c = cache_on(&slow.base, (weir_stream_cache_opts){0});
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_reader *r;
    weir_stream *w;

    must_eq(weir_mutex_lock(&slow.held, NULL), 0);
    crew_go(crew, add_slow, c);
    while (atomic_load(&slow.creating) == 0)
        must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
    crew_go(crew, hit_slow, c);
    add(c, "fast", 5);
    must_have(hit(c, "fast"), 5);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_stream_cache_get(c, "slow", &r, &w, &ctx), WEIR_CANCELED);
    must_eq(weir_stream_cache_find(c, "slow", &r, &ctx), WEIR_CANCELED);
    must_eq(weir_stream_cache_remove(c, "slow", &ctx), WEIR_CANCELED);
    must_eq(weir_mutex_unlock(&slow.held), 0);
    crew_wait(crew);
    must_eq(weir_ctx_fini(&ctx), 0);
    slow.fail = -ENOSPC;
    must_eq(weir_stream_cache_get(c, "more", &r, &w, NULL), -ENOSPC);
    must(r == NULL && w == NULL);
    slow.fail = -EEXIST;
    must_eq(weir_stream_cache_get(c, "more", &r, &w, NULL), -EEXIST);
    slow.fail = 0;
    add(c, "more", 7);
    must_eq(counted(c).streams, 3);
    weir_stream_cache_free(c);
    weir_fs_free(slow.under);
}

/* With n allocations granted: 0, or what failed. */
static int use_all(weir_fs *fs, int n)
{
    weir_stream_cache *c = NULL;
    weir_reader *r = NULL;
    weir_stream *w = NULL;
    int err;

    wr_mem_fail_after(n);
    err = weir_stream_cache_new(fs, NULL, &c);
    if (err == 0)
        err = weir_stream_cache_get(c, "k", &r, &w, NULL);
    weir_reader_free(r);
    r = NULL;
    if (w) {
        must_eq(weir_stream_close(w), 0);
        weir_stream_unref(w);
        err = weir_stream_cache_find(c, "k", &r, NULL);
    }
    weir_reader_free(r);
    weir_stream_cache_free(c);
    c = NULL;
    if (err == 0)
        err = weir_stream_cache_new(fs, NULL, &c);
    if (err == 0)
        err = weir_stream_cache_remove(c, "k", NULL);
    weir_stream_cache_free(c);
    wr_mem_fail_after(-1);
    return err;
}

OVER_COMPLETE(without_memory_nothing_is_half_made)
{
    int n = 0, err;

    must_eq(weir_sleep(1, NULL), 0);
    while ((err = use_all(fs, n)) != 0) {
        weir_stream_cache *c = cache_on(fs, (weir_stream_cache_opts){0});
        must_eq(err, WEIR_ENOMEM);
        weir_stream_cache_remove(c, "k", NULL);
        weir_stream_cache_free(c);
        must_eq(files_of(fs), 0);
        n++;
    }
    must(n >= 8);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(who_asks_first_writes_and_all_read),
           CHECK_MODES(a_hit_reads_while_it_is_written),
           CHECK_MODES(a_stream_that_failed_is_written_anew),
           CHECK_MODES(remove_lets_readers_end_and_the_key_is_free),
           CHECK_MODES(remove_has_a_deadline),
           CHECK_MODES(a_get_and_a_remove_never_meet_halfway),
           CHECK_MODES(the_least_recently_asked_for_leave_first),
           CHECK_MODES(what_has_left_has_no_new_readers),
           CHECK_MODES(so_many_and_no_more_stay),
           CHECK_MODES(what_is_being_written_stays),
           CHECK_MODES(age_and_idleness_end_a_stream),
           CHECK_MODES(what_is_complete_is_there_after_a_restart),
           CHECK_MODES(of_two_files_of_a_key_the_later_counts),
           CHECK_TEST(the_oldest_file_leaves_first_after_a_restart),
           CHECK_TEST(a_file_that_is_not_what_it_was_is_a_miss),
           CHECK_MODES(a_key_is_any_text_that_fits),
           CHECK_TEST(what_is_no_argument),
           CHECK_MODES(a_key_that_is_being_made_holds_up_its_own_alone),
           CHECK_MODES(without_memory_nothing_is_half_made))
