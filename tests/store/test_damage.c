/* SPDX-License-Identifier: MIT */
/* Files that are damaged, and files of other kinds: an error, never a message
 * that nobody wrote. */
#include <weir/store_multi.h>
#include "logs.h"

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
    weir_store_account got;

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
    must_eq(weir_store_broadcast(s, "s", "x", 1, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.err, WEIR_CORRUPT);
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

/* Of another file that has taken the name nothing is served. */
START_TEST(a_file_that_is_replaced)
{
    struct dir d;
    weir_store *s;
    weir_store_reader *r, *before;
    char *path;

    dir_make(&d);
    s = files_of(&d, NULL);
    put_numbers(s, "other", 7, 9);
    put_numbers(s, "p", 0, 3);
    if (_i == 1) { /* one that was opened again */
        weir_store_free(s);
        s = files_of(&d, NULL);
        must_find(s, "p", 3, WEIR_CANCELED);
    }
    before = reader_of(s, "p");
    path = strdup(in_dir(&d, "other.msgs"));
    must_eq(rename(path, in_dir(&d, "p.msgs")), 0);
    free(path);
    must_eq(weir_store_reader_open(&r, s, "p"), -ESTALE);
    hear(before, "0");
    weir_store_reader_free(before);
    must_eq(weir_store_delete(s, "p"), 0); /* makes way for a new one */
    must_find(s, "p", 0, WEIR_CANCELED);
    weir_store_free(s);
    dir_end(&d);
}
END_TEST

/* ---- what is no file of ours --------------------------------------------- */

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
    put_file(in_dir(&d, "%2E..msgs"), "nor this: it would climb");
    put_file(in_dir(&d, "%2Fa.msgs"), "nor this: it would be absolute");
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

/* Nor does counting open what others write to. */
START_TEST(several_stores_count_them_as_one_does)
{
    struct dir d;
    weir_store *s, *other, *all;
    weir_store_writer *w;
    weir_store_counts c;

    dir_make(&d);
    put_file(in_dir(&d, "text.msgs"), "Dear reader, this is no message.\n");
    s = files_of(&d, NULL);
    put_numbers(s, "left", 0, 1);
    weir_store_free(s);
    s = files_of(&d, NULL);
    w = writer_of(s, "written");
    other = files_of(&d, NULL);
    must_eq(weir_store_multi(&all, &other, 1, NULL), 0);
    must_eq(weir_store_count(all, &c), 0);
    must(c.open == 2 && c.closed == 1);
    weir_store_writer_free(writer_of(s, "left"));
    weir_store_writer_free(w);
    must_eq(weir_store_count(all, &c), 0);
    must(c.open == 0 && c.closed == 3);
    weir_store_free(all);
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

CHECK_MAIN(CHECK_LOOP(each_bit_that_is_wrong_is_an_error, 2),
           CHECK_TEST(what_damage_does), CHECK_TEST(a_file_that_shrinks),
           CHECK_LOOP(a_file_that_is_replaced, 2), CHECK_TEST(foreign_files),
           CHECK_TEST(several_stores_count_them_as_one_does),
           CHECK_TEST(links_and_other_kinds_of_files),
           CHECK_TEST(directories_that_cannot_be_opened))
