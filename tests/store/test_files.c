/* SPDX-License-Identifier: MIT */
/*
 * The files of the backend "file": what a restart finds, whatever ended the
 * process before; names, and what is no such file.
 */
#include <signal.h>
#include <sys/wait.h>
#include "logs.h"

enum { MOST = 64 }; /* messages that are looked at                          */

/* What a path has: as many messages as can be read without waiting. */
struct found {
    char text[MOST][16];
    int n;
    int corrupt; /* how many reads were that                                */
    int end;     /* WEIR_CLOSED: it has ended, WEIR_CANCELED: not yet       */
};

static void read_what_there_is(weir_store_reader *r, struct found *f)
{
    weir_ctx done = WEIR_CTX_INIT;
    ptrdiff_t n;
    char buf[1000];

    *f = (struct found){0};
    must_eq(weir_ctx_cancel(&done, 0), 0);
    for (;;) {
        n = weir_store_read(r, buf, sizeof buf, &done);
        if (n == WEIR_CORRUPT && f->corrupt++ < 3)
            continue;
        if (n < 0)
            break;
        must(f->n < MOST);
        snprintf(f->text[f->n++], sizeof f->text[0], "%.*s", (int)n, buf);
    }
    f->end = (int)n;
    must_eq(weir_ctx_fini(&done), 0);
}

static int find(weir_store *s, const char *path, struct found *f)
{
    weir_store_reader *r;
    int err = weir_store_reader_open(&r, s, path);

    if (err == 0)
        read_what_there_is(r, f);
    weir_store_reader_free(r);
    return err;
}

static void must_find(weir_store *s, const char *path, int n, int end)
{
    struct found f;
    char text[16];
    int i;

    must_eq(find(s, path, &f), 0);
    must_eq(f.corrupt, 0);
    must_eq(f.end, end);
    must_eq(f.n, n);
    for (i = 0; i < n; i++) {
        snprintf(text, sizeof text, "%d", i);
        must(strcmp(f.text[i], text) == 0);
    }
}

/* Writes the numbers from..to - 1. */
static void put_numbers(weir_store *s, const char *path, int from, int to)
{
    weir_store_writer *w = writer_of(s, path);
    char text[16];

    for (; from < to; from++) {
        snprintf(text, sizeof text, "%d", from);
        must_eq(say(w, text), 0);
    }
    weir_store_writer_leave(w);
}

/* ---- a restart ----------------------------------------------------------- */

BEHAVIOUR(files_survive_a_restart)
{
    struct dir d;
    weir_store *s;
    weir_store_writer *w;
    weir_store_counts c;
    weir_store_stats st;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "open", 0, 3);
    put_numbers(s, "ended", 0, 5);
    weir_store_writer_free(writer_of(s, "ended"));
    must_find(s, "ended", 5, WEIR_CLOSED);
    must_find(s, "open", 3, WEIR_CANCELED);
    weir_store_free(s);

    s = files_of(&d, NULL);
    must_eq(weir_store_exists(s, "open"), 1);
    must_eq(weir_store_count(s, &c), 0);
    must(c.open == 1 && c.closed == 1);
    must_find(s, "ended", 5, WEIR_CLOSED);
    must_find(s, "open", 3, WEIR_CANCELED);
    must_eq(weir_store_writer_open(&w, s, "ended"), WEIR_CLOSED);
    must_eq(weir_store_get_stats(s, "ended", &st), 0);
    must(st.ended && st.kept == 5 && st.kept_bytes == 5 && st.written == 0);
    put_numbers(s, "open", 3, 6);
    must_eq(weir_store_get_stats(s, "open", &st), 0);
    must(!st.ended && st.kept == 6 && st.written == 3);
    weir_store_free(s);

    s = files_of(&d, NULL);
    must_find(s, "open", 6, WEIR_CANCELED);
    weir_store_writer_free(writer_of(s, "open"));
    must_find(s, "open", 6, WEIR_CLOSED);
    must_eq(weir_store_delete(s, "open"), 0);
    must_eq(weir_store_exists(s, "open"), 0);
    must_find(s, "open", 0, WEIR_CANCELED);
    weir_store_free(s);
    dir_end(&d);
    (void)crew;
}

START_TEST(each_way_to_make_it_safe)
{
    static const char *const sync[] = {"end", "never", "message"};
    struct dir d;
    weir_store_option o[] = {
        {"dir", NULL}, {"sync", sync[_i]}, {"max_bytes", "1000"}, {NULL, NULL}};
    weir_store *s;

    dir_make(&d);
    o[0].value = d.path;
    must_eq(weir_store_open(&s, "file", o, NULL), 0);
    put_numbers(s, "p", 0, 10);
    weir_store_writer_free(writer_of(s, "p"));
    weir_store_free(s);
    must_eq(weir_store_open(&s, "file", o, NULL), 0);
    must_find(s, "p", 10, WEIR_CLOSED);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* ---- a torn end ---------------------------------------------------------- */

static void copy_file(const char *from, const char *to, size_t n)
{
    char buf[4096];
    const int in = open(from, O_RDONLY),
              out = open(to, O_WRONLY | O_CREAT, 0600);

    must(in >= 0 && out >= 0 && n <= sizeof buf);
    must(read(in, buf, n) == (ssize_t)n);
    must(write(out, buf, n) == (ssize_t)n);
    close(in);
    close(out);
}

static size_t size_of(const char *path)
{
    struct stat st;

    must_eq(stat(path, &st), 0);
    return (size_t)st.st_size;
}

/* A file of three messages, cut at each of its bytes. */
START_TEST(a_torn_tail_is_never_served_and_it_goes_on)
{
    const bool ended = _i == 1;
    struct dir d;
    weir_store *s;
    size_t size, cut, head;
    char *whole;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "whole", 0, 0);
    head = size_of(in_dir(&d, "whole.msgs"));
    put_numbers(s, "whole", 0, 3);
    size = size_of(in_dir(&d, "whole.msgs"));
    if (ended)
        weir_store_writer_free(writer_of(s, "whole"));
    whole = strdup(in_dir(&d, "whole.msgs"));
    size = ended ? size_of(whole) - 1 : size;
    for (cut = 0; cut <= size; cut++) {
        const size_t frame = 8 + 1 + 9;
        const int n = cut <= head ? 0 : (int)((cut - head) / frame);
        const int all = n < 3 ? n : 3;

        (void)unlink(in_dir(&d, "cut.msgs"));
        copy_file(whole, in_dir(&d, "cut.msgs"), cut);
        weir_store_free(s);
        s = files_of(&d, NULL);
        must_find(s, "cut", all, WEIR_CANCELED);
        put_numbers(s, "cut", all, all + 2);
        must_find(s, "cut", all + 2, WEIR_CANCELED);
        weir_store_free(s);
        s = files_of(&d, NULL);
        must_find(s, "cut", all + 2, WEIR_CANCELED);
        weir_store_writer_free(writer_of(s, "cut"));
        weir_store_free(s);
        s = files_of(&d, NULL);
        must_find(s, "cut", all + 2, WEIR_CLOSED);
    }
    free(whole);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* As a disk that has lost what was not yet safe may have it. */
START_TEST(a_tail_of_zeros_is_no_message)
{
    struct dir d;
    weir_store *s;
    off_t more;

    for (more = 1; more < 100; more += 7) {
        dir_make(&d);
        s = files_of(&d, NULL);
        put_numbers(s, "p", 0, 2);
        weir_store_free(s);
        must_eq(truncate(in_dir(&d, "p.msgs"),
                         (off_t)size_of(in_dir(&d, "p.msgs")) + more),
                0);
        s = files_of(&d, NULL);
        must_find(s, "p", 2, WEIR_CANCELED);
        put_numbers(s, "p", 2, 3);
        must_find(s, "p", 3, WEIR_CANCELED);
        weir_store_free(s);
        dir_end(&d);
    }
}
END_TEST

/* ---- a killed process ---------------------------------------------------- */

/* Writes numbers, small and large, and tells of each that was written. */
static void write_until_killed(const struct dir *d, int tell)
{
    static char large[20000];
    weir_store *s = files_of(d, NULL);
    weir_store_writer *w = writer_of(s, "p");
    int i;

    for (i = 0;; i++) {
        memcpy(large, &i, sizeof i);
        must_eq(
            weir_store_write(w, large, i % 7 ? sizeof i : sizeof large, NULL),
            0);
        must(write(tell, &i, sizeof i) == sizeof i);
    }
}

/* The last number that a child had written when it was killed. */
static int killed_after(const struct dir *d, int least)
{
    int ends[2], status, i = -1, last = -1;
    pid_t pid;

    must_eq(pipe(ends), 0);
    pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        write_until_killed(d, ends[1]);
    }
    close(ends[1]);
    while (last < least && read(ends[0], &i, sizeof i) == sizeof i)
        last = i;
    must_eq(kill(pid, SIGKILL), 0);
    while (read(ends[0], &i, sizeof i) == sizeof i)
        last = i;
    close(ends[0]);
    must_eq(waitpid(pid, &status, 0), pid);
    must(WIFSIGNALED(status));
    return last;
}

START_TEST(what_was_written_is_there_when_the_process_is_killed)
{
    static char large[20000];
    const int rounds = check_scale(20);
    int i, k, last, next;

    for (i = 0; i < rounds; i++) {
        weir_ctx done = WEIR_CTX_INIT;
        weir_store_writer *w;
        weir_store_reader *r;
        weir_store *s;
        struct dir d;
        ptrdiff_t n;

        dir_make(&d);
        last = killed_after(&d, i * 3);
        s = files_of(&d, NULL);
        r = reader_of(s, "p");
        must_eq(weir_ctx_cancel(&done, 0), 0);
        for (next = 0; (n = weir_store_read(r, large, sizeof large, &done)) > 0;
             next++) {
            memcpy(&k, large, sizeof k);
            must_eq(k, next);
            must_eq(n, k % 7 ? sizeof k : sizeof large);
        }
        must_eq(n, WEIR_CANCELED);
        must(next == last + 1 || next == last + 2);
        w = writer_of(s, "p");
        must_eq(say(w, "on"), 0);
        hear(r, "on");
        weir_store_writer_free(w);
        weir_store_reader_free(r);
        weir_store_free(s);
        must_eq(weir_ctx_fini(&done), 0);
        dir_end(&d);
    }
}
END_TEST

/* ---- damage -------------------------------------------------------------- */

static void flip(const char *path, off_t at, unsigned char bits)
{
    const int fd = open(path, O_RDWR);
    unsigned char byte;

    must(fd >= 0);
    must_eq(pread(fd, &byte, 1, at), 1);
    byte ^= bits;
    must_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Nothing but what was written, in order; what is missing is an error. */
static void must_be_honest(const struct dir *d)
{
    weir_store *s = files_of(d, NULL);
    struct found f;
    int i, from = 0;
    const int err = find(s, "p", &f);

    must(err == 0 || err == WEIR_CORRUPT);
    if (err == 0) {
        for (i = 0; i < f.n; i++) {
            const int number = atoi(f.text[i]);

            must(number >= from && number < 4);
            from = number + 1;
        }
        must(f.n == 4 || f.corrupt > 0);
        must(f.end == WEIR_CLOSED || f.end == WEIR_CANCELED ||
             f.end == WEIR_CORRUPT);
    }
    weir_store_free(s);
}

START_TEST(each_bit_that_is_wrong_is_an_error)
{
    const bool ended = _i == 1;
    struct dir d;
    weir_store *s;
    size_t size, at;
    int bit;
    char *path;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "p", 0, 4);
    if (ended)
        weir_store_writer_free(writer_of(s, "p"));
    weir_store_free(s);
    path = strdup(in_dir(&d, "p.msgs"));
    size = size_of(path);
    for (at = 0; at < size; at++)
        for (bit = 0; bit < 8; bit++) {
            flip(path, (off_t)at, (unsigned char)(1 << bit));
            must_be_honest(&d);
            must_eq(size_of(path), size); /* looking changes nothing */
            flip(path, (off_t)at, (unsigned char)(1 << bit));
        }
    free(path);
    dir_end(&d);
}
END_TEST

/* Behind a damaged message it goes on; behind a damaged size it cannot. */
START_TEST(what_damage_does)
{
    const off_t head = 16, frame = 8 + 1 + 9;
    struct dir d;
    weir_store *s;
    weir_store_writer *w;
    struct found f;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "message", 0, 4);
    put_numbers(s, "size", 0, 4);
    weir_store_free(s);
    flip(in_dir(&d, "message.msgs"), head + frame + 8, 1);
    flip(in_dir(&d, "size.msgs"), head + frame + 2, 1);
    s = files_of(&d, NULL);
    must_eq(find(s, "message", &f), 0);
    must(f.n == 3 && f.corrupt == 1);
    must(strcmp(f.text[1], "2") == 0);
    must_eq(f.end, WEIR_CANCELED);
    w = writer_of(s, "message");
    must_eq(say(w, "more"), 0);
    weir_store_writer_free(w);
    must_eq(find(s, "size", &f), 0);
    must(f.n == 1 && f.corrupt > 1);
    must_eq(f.end, WEIR_CORRUPT);
    must_eq(weir_store_writer_open(&w, s, "size"), WEIR_CORRUPT);
    must_eq(weir_store_delete(s, "size"), 0); /* makes way for a new one */
    put_numbers(s, "size", 0, 2);
    must_find(s, "size", 2, WEIR_CANCELED);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* A file that shrinks while it is read is an error, not a message. */
START_TEST(a_file_that_shrinks)
{
    struct dir d;
    weir_store *s;
    weir_store_reader *r;
    int code;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "p", 0, 3);
    r = reader_of(s, "p");
    must_eq(truncate(in_dir(&d, "p.msgs"), 20), 0);
    code = read_code(r);
    must(code == -EIO || code == WEIR_CORRUPT);
    weir_store_reader_free(r);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* ---- what is no file of ours --------------------------------------------- */

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    must(f != NULL);
    must(fputs(text, f) >= 0);
    must_eq(fclose(f), 0);
}

START_TEST(foreign_files)
{
    struct dir d;
    weir_store *s;
    weir_store_reader *r;
    weir_store_writer *w;
    weir_store_stats st;
    weir_store_names names;
    weir_store_counts c;

    dir_make(&d);
    put_file(in_dir(&d, "text.msgs"), "Dear reader, this is no message.\n");
    put_file(in_dir(&d, "short.msgs"), "hi");
    put_file(in_dir(&d, "empty.msgs"), "");
    put_file(in_dir(&d, "README"), "not ours");
    put_file(in_dir(&d, "a%2fb.msgs"), "nor this: %2F would be");
    put_file(in_dir(&d, "%4.msgs"), "nor this");
    put_file(in_dir(&d, "%.msgs"), "nor this");
    put_file(in_dir(&d, ".msgs"), "nor this");
    put_file(in_dir(&d, "%2E%2E.msgs"), "nor this");
    s = files_of(&d, NULL);
    must_eq(weir_store_list(s, "", &names), 0);
    must_eq(names.n, 3);
    must(strcmp(names.names[0], "empty") == 0);
    weir_store_names_free(&names);
    must_eq(weir_store_count(s, &c), 0);
    must(c.open == 1 && c.closed == 2);
    must_eq(weir_store_reader_open(&r, s, "text"), WEIR_CORRUPT);
    must_eq(weir_store_writer_open(&w, s, "text"), WEIR_CORRUPT);
    must_eq(weir_store_get_stats(s, "text", &st), WEIR_CORRUPT);
    must_eq(weir_store_reader_open(&r, s, "short"), WEIR_CORRUPT);
    put_numbers(s, "empty", 0, 1); /* as a crash in its first moment left it */
    must_find(s, "empty", 1, WEIR_CANCELED);
    must_eq(size_of(in_dir(&d, "text.msgs")), 33);
    must_eq(weir_store_delete(s, "text"), 0);
    must_eq(weir_store_exists(s, "text"), 0);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

START_TEST(links_and_other_kinds_of_files)
{
    struct dir d;
    weir_store *s;
    weir_store_reader *r;
    weir_store_writer *w;

    dir_make(&d);
    put_file(in_dir(&d, "target"), "somebody else's");
    must_eq(symlink("target", in_dir(&d, "link.msgs")), 0);
    must_eq(symlink("/nowhere/at/all", in_dir(&d, "dangling.msgs")), 0);
    must_eq(mkfifo(in_dir(&d, "fifo.msgs"), 0600), 0);
    must_eq(mkdir(in_dir(&d, "dir.msgs"), 0700), 0);
    s = files_of(&d, NULL);
    must_eq(weir_store_writer_open(&w, s, "link"), -ELOOP);
    must_eq(weir_store_reader_open(&r, s, "link"), -ELOOP);
    must_eq(weir_store_writer_open(&w, s, "dangling"), -ELOOP);
    must_eq(weir_store_exists(s, "link"), -ELOOP);
    must_eq(weir_store_reader_open(&r, s, "fifo"), WEIR_UNSUPPORTED);
    must_eq(weir_store_reader_open(&r, s, "dir"), WEIR_UNSUPPORTED);
    must_eq(weir_store_delete(s, "dir"), -EISDIR);
    must_eq(weir_store_delete(s, "link"), 0); /* the link, not its target */
    must_eq(size_of(in_dir(&d, "target")), 15);
    weir_store_free(s);
    must_eq(rmdir(in_dir(&d, "dir.msgs")), 0);
    dir_end(&d);
}
END_TEST

START_TEST(directories_that_cannot_be_opened)
{
    struct dir d;
    weir_store *s;
    const char *why = NULL;
    weir_store_option o[] = {{"dir", "/nowhere/at/all"}, {NULL, NULL}};
    weir_store_option odd[] = {
        {"dir", "/tmp"}, {"sync", "often"}, {NULL, NULL}};
    weir_store_option none[] = {{"max_bytes", "7"}, {NULL, NULL}};

    dir_make(&d);
    put_file(in_dir(&d, "file"), "");
    must_eq(weir_store_files(&s, "/nowhere/at/all", NULL), -ENOENT);
    must_eq(weir_store_files(&s, in_dir(&d, "file"), NULL), -ENOTDIR);
    must_eq(weir_store_files(&s, "", NULL), -ENOENT);
    must(s == NULL);
    must_eq(weir_store_open(&s, "file", o, &why), -ENOENT);
    must(strstr(why, "dir ") != NULL);
    must_eq(weir_store_open(&s, "file", none, &why), WEIR_EINVAL);
    must(strstr(why, "dir is missing") != NULL);
    must_eq(weir_store_open(&s, "file", odd, &why), WEIR_EINVAL);
    must(strstr(why, "sync") != NULL);
    must_eq(weir_store_open(&s, "memory", o, &why), WEIR_EINVAL);
    must(strstr(why, "max_bytes") != NULL);
    dir_end(&d);
}
END_TEST

/* ---- names --------------------------------------------------------------- */

START_TEST(no_path_leads_out_of_the_directory)
{
    static const struct {
        const char *path, *why;
    } bad[] = {{"/etc/passwd", "absolute"},
               {"/", "absolute"},
               {"..", "climbs"},
               {"../x", "climbs"},
               {"a/../../x", "climbs"},
               {"a/..", "climbs"},
               {".", "\".\""},
               {"./a", "\".\""},
               {"a/./b", "\".\""},
               {"a//b", "empty part"},
               {"a/", "empty part"},
               {"a\nb", "control"},
               {"", "empty"},
               {"a\x7f", "control"}};
    struct dir d;
    weir_store *s;
    weir_store_writer *w;
    weir_store_reader *r;
    weir_store_stats st;
    size_t i;

    dir_make(&d);
    s = files_of(&d, NULL);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must(strstr(weir_store_path_error(s, bad[i].path), bad[i].why) != NULL);
        must_eq(weir_store_writer_open(&w, s, bad[i].path), WEIR_EINVAL);
        must_eq(weir_store_reader_open(&r, s, bad[i].path), WEIR_EINVAL);
        must_eq(weir_store_exists(s, bad[i].path), WEIR_EINVAL);
        must_eq(weir_store_delete(s, bad[i].path), WEIR_EINVAL);
        must_eq(weir_store_get_stats(s, bad[i].path, &st), WEIR_EINVAL);
    }
    must(weir_store_path_error(s, NULL) != NULL);
    must(weir_store_path_error(NULL, "a") != NULL);
    must(weir_store_path_error(s, "a/b..c/...") == NULL);
    weir_store_free(s);
    dir_end(&d); /* which nothing was written to */
    s = store_of(NULL);
    must(weir_store_path_error(s, "/../") == NULL); /* just a name there */
    weir_store_free(s);
}
END_TEST

START_TEST(a_path_that_is_too_long_for_a_file)
{
    struct dir d;
    weir_store *s;
    weir_store_writer *w;
    char path[300];

    dir_make(&d);
    s = files_of(&d, NULL);
    memset(path, 'x', sizeof path);
    path[251] = '\0';
    must(strstr(weir_store_path_error(s, path), "too long") != NULL);
    must_eq(weir_store_writer_open(&w, s, path), WEIR_EINVAL);
    path[250] = '\0';
    put_numbers(s, path, 0, 1);
    path[248] = '/'; /* counts three times */
    must(strstr(weir_store_path_error(s, path), "too long") != NULL);
    path[1] = '/';
    path[245] = '\0';
    put_numbers(s, path, 0, 1);
    must_find(s, path, 1, WEIR_CANCELED);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* Any bytes that a path may have: the list gives them back. */
START_TEST(each_path_has_a_file_of_its_own)
{
    static const char *const paths[] = {
        "a",          "a/b", "a%2Fb", "A", ".a",           "a.",
        "...",        "a b", "a\\b",  "%", "\xc3\xa4\xff", "a.msgs",
        "a/b.msgs/c", "-"};
    enum { N = sizeof paths / sizeof paths[0] };
    struct dir d;
    weir_store *s;
    weir_store_names names;
    size_t i;

    dir_make(&d);
    s = files_of(&d, NULL);
    for (i = 0; i < N; i++)
        put_numbers(s, paths[i], 0, (int)i);
    weir_store_free(s);
    s = files_of(&d, NULL);
    must_eq(weir_store_list(s, "", &names), 0);
    must_eq(names.n, N);
    weir_store_names_free(&names);
    must_eq(weir_store_list(s, "a/", &names), 0);
    must_eq(names.n, 2);
    must(strcmp(names.names[0], "a/b") == 0);
    must(strcmp(names.names[1], "a/b.msgs/c") == 0);
    weir_store_names_free(&names);
    for (i = 0; i < N; i++)
        must_find(s, paths[i], (int)i, WEIR_CANCELED);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* ---- two stores of one directory ----------------------------------------- */

START_TEST(an_open_path_belongs_to_one_store)
{
    struct dir d;
    weir_store *a, *b;
    weir_store_writer *w;
    weir_store_reader *r;
    weir_store_account got;

    dir_make(&d);
    a = files_of(&d, NULL);
    b = files_of(&d, NULL);
    put_numbers(a, "p", 0, 1);
    must_eq(weir_store_writer_open(&w, b, "p"), WEIR_BUSY);
    must_eq(weir_store_reader_open(&r, b, "p"), WEIR_BUSY);
    must_eq(weir_store_exists(b, "p"), 1);
    must_eq(weir_store_broadcast(b, "", "x", 1, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.failed, 1);
    must_eq(got.err, WEIR_BUSY);
    weir_store_writer_free(writer_of(a, "p"));
    must_find(b, "p", 1, WEIR_CLOSED);
    weir_store_free(a);
    weir_store_free(b);
    dir_end(&d);
}
END_TEST

CHECK_MAIN(CHECK_MODES(files_survive_a_restart),
           CHECK_LOOP(each_way_to_make_it_safe, 3),
           CHECK_LOOP(a_torn_tail_is_never_served_and_it_goes_on, 2),
           CHECK_TEST(a_tail_of_zeros_is_no_message),
           CHECK_TEST(what_was_written_is_there_when_the_process_is_killed),
           CHECK_LOOP(each_bit_that_is_wrong_is_an_error, 2),
           CHECK_TEST(what_damage_does), CHECK_TEST(a_file_that_shrinks),
           CHECK_TEST(foreign_files),
           CHECK_TEST(links_and_other_kinds_of_files),
           CHECK_TEST(directories_that_cannot_be_opened),
           CHECK_TEST(no_path_leads_out_of_the_directory),
           CHECK_TEST(a_path_that_is_too_long_for_a_file),
           CHECK_TEST(each_path_has_a_file_of_its_own),
           CHECK_TEST(an_open_path_belongs_to_one_store))
