/* SPDX-License-Identifier: MIT */
/* Where a reader stands: seek from each place, also the end that is not there
 * yet, without holding up its other calls; and the size. */
#include "streams.h"

OVER_EACH(a_seek_moves_the_next_read)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);

    put_text(s, "0123456789");
    must_eq(weir_reader_seek(r, 4, SEEK_SET, NULL), 4);
    must_read(r, "45");
    must_eq(weir_reader_seek(r, -3, SEEK_CUR, NULL), 3);
    must_read(r, "3");
    must_eq(weir_reader_seek(r, -1, WEIR_SEEK_WRITTEN, NULL), 9);
    must_read(r, "9");
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_reader_seek(r, -2, SEEK_END, NULL), 8);
    must_read(r, "89");
    must_end(r);
    must_eq(weir_reader_seek(r, 5, SEEK_END, NULL), 15);
    must_end(r);
    must_eq(weir_reader_seek(r, 0, SEEK_SET, NULL), 0);
    must_read(r, "0123456789");
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

OVER_EACH(a_bad_seek_moves_nothing)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);

    put_text(s, "abc");
    must_read(r, "a");
    must_eq(weir_reader_seek(r, -1, SEEK_SET, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, -2, SEEK_CUR, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, -4, WEIR_SEEK_WRITTEN, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, INT64_MIN, SEEK_CUR, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, INT64_MAX, SEEK_CUR, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, INT64_MAX, SEEK_SET, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, 0, 77, NULL), WEIR_EINVAL);
    must_read(r, "bc");
    must_eq(weir_reader_seek(r, INT64_MAX - 1, SEEK_SET, NULL), INT64_MAX - 1);
    must_eq(weir_stream_close(s), 0);
    must_end(r);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

OVER_EACH(a_negative_offset_is_an_error)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    char c;

    put_text(s, "abc");
    must_eq(weir_reader_read_at(r, &c, 1, -1, 1, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read_at(r, &c, 1, INT64_MIN, 0, NULL), WEIR_EINVAL);
    must_eq(weir_reader_read_at(r, NULL, 0, -1, 0, NULL), WEIR_EINVAL);
    must_eq(weir_reader_seek(r, -1, SEEK_SET, NULL), WEIR_EINVAL);
    must_read(r, "abc");
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

static void to_the_end(void *arg)
{
    must_eq(weir_reader_seek(arg, -1, SEEK_END, NULL), 5);
}

OVER_EACH(a_seek_to_the_end_does_not_block_other_calls)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    bool final = true;
    char buf[2];

    crew_go(crew, to_the_end, r);
    until_waiting(s, 1);
    put_text(s, "abcdef");
    must_read(r, "ab");
    must_eq(weir_reader_seek(r, 1, SEEK_CUR, NULL), 3);
    must_eq(weir_reader_read_at(r, buf, 2, 4, 2, NULL), 2);
    must_read(r, "de");
    must_eq(weir_reader_size(r, &final), 6);
    must(!final);
    must_eq(weir_stream_close(s), 0);
    crew_wait(crew);
    must_eq(weir_reader_size(r, &final), 6);
    must(final);
    must_read(r, "f");
    weir_reader_free(r);
    weir_stream_unref(s);
}

static void read_three(void *arg)
{
    must_read(arg, "345");
}

OVER_EACH(a_read_that_waits_goes_on_where_a_seek_leads)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);

    put_text(s, "0123456");
    must_eq(weir_reader_seek(r, 100, SEEK_SET, NULL), 100);
    crew_go(crew, read_three, r);
    until_waiting(s, 1);
    must_eq(weir_reader_seek(r, 3, SEEK_SET, NULL), 3);
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
}

CHECK_MAIN(CHECK_MODES(a_seek_moves_the_next_read),
           CHECK_MODES(a_bad_seek_moves_nothing),
           CHECK_MODES(a_negative_offset_is_an_error),
           CHECK_MODES(a_seek_to_the_end_does_not_block_other_calls),
           CHECK_MODES(a_read_that_waits_goes_on_where_a_seek_leads))
