/* SPDX-License-Identifier: MIT */
/* What a restart finds in the files, whatever ended the process before. */
#include <signal.h>
#include <sys/wait.h>
#include "base/mem.h"
#include "logs.h"

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

START_TEST(a_restart_without_memory)
{
    struct dir d;
    weir_store *s;
    weir_store_reader *r;
    int64_t n = 0;
    int err;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "p", 0, 3);
    weir_store_free(s);
    do {
        s = NULL;
        r = NULL;
        wr_mem_fail_after(n);
        err = weir_store_files(&s, d.path, NULL);
        err = err ? err : weir_store_reader_open(&r, s, "p");
        wr_mem_fail_after(-1);
        must(err == 0 || err == WEIR_ENOMEM);
        if (s != NULL)
            must_find(s, "p", 3, WEIR_CANCELED);
        weir_store_reader_free(r);
        weir_store_free(s);
        must(++n < 100);
    } while (err != 0);
    must(n > 5);
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

/* A file of three messages, cut at each of its bytes. */
START_TEST(a_torn_tail_is_never_served_and_it_goes_on)
{
    const weir_store_file_opts quick = {.sync = WEIR_STORE_SYNC_NEVER};
    const bool ended = _i == 1;
    struct dir d;
    weir_store *s;
    size_t size, cut, head;
    char *whole;

    dir_make(&d);
    s = files_of(&d, &quick);
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
        s = files_of(&d, &quick);
        must_find(s, "cut", all, WEIR_CANCELED);
        put_numbers(s, "cut", all, all + 2);
        must_find(s, "cut", all + 2, WEIR_CANCELED);
        weir_store_free(s);
        s = files_of(&d, &quick);
        must_find(s, "cut", all + 2, WEIR_CANCELED);
        weir_store_writer_free(writer_of(s, "cut"));
        weir_store_free(s);
        s = files_of(&d, &quick);
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
    must_eq(weir_store_delete(b, "p"), WEIR_BUSY);
    weir_store_writer_free(writer_of(a, "p"));
    must_find(b, "p", 1, WEIR_CLOSED);
    must_eq(weir_store_delete(a, "p"), 0); /* and anew: b finds that */
    put_numbers(a, "p", 0, 3);
    weir_store_writer_free(writer_of(a, "p"));
    must_find(b, "p", 3, WEIR_CLOSED);
    must_eq(weir_store_delete(a, "p"), 0);
    must_find(b, "p", 0, WEIR_CANCELED);
    weir_store_free(a);
    weir_store_free(b);
    dir_end(&d);
}
END_TEST

CHECK_MAIN(CHECK_MODES(files_survive_a_restart),
           CHECK_LOOP(each_way_to_make_it_safe, 3),
           CHECK_TEST(a_restart_without_memory),
           CHECK_LOOP(a_torn_tail_is_never_served_and_it_goes_on, 2),
           CHECK_TEST(a_tail_of_zeros_is_no_message),
           CHECK_TEST(what_was_written_is_there_when_the_process_is_killed),
           CHECK_TEST(an_open_path_belongs_to_one_store))
