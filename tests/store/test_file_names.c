/* SPDX-License-Identifier: MIT */
/* Paths and the names of their files. */
#include "logs.h"

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

CHECK_MAIN(CHECK_TEST(no_path_leads_out_of_the_directory),
           CHECK_TEST(a_path_that_is_too_long_for_a_file),
           CHECK_TEST(each_path_has_a_file_of_its_own))
