/* SPDX-License-Identifier: MIT */
/*
 * A download that breaks off, in a file that knows it: it is not served, goes
 * on where it was, and is verified when it is complete.
 */
#include <string.h>
#include <unistd.h>
#include "must.h"

static const char whole[] = "The quick brown fox jumps over the lazy dog.";

/* Fetches from where the stream is, at most so much. */
static void fetch(weir_stream *s, size_t most)
{
    weir_stream_counts now;

    must(weir_stream_get_counts(s, &now));
    const char *from = whole + now.written;
    const size_t left = strlen(from);
    printf("fetching from %lld\n", (long long)now.written);
    must(weir_stream_write(s, from, left < most ? left : most, NULL));
}

static void serve(weir_fs *fs)
{
    weir_stream *s;
    weir_reader *r;
    char text[sizeof whole] = "";
    int err = weir_stream_open(fs, "fox", &s);

    if (err) {
        printf("not served: %s\n", weir_strerror(err));
        return;
    }
    must(weir_stream_next_reader(s, &r));
    must(weir_reader_read_at(r, text, sizeof text, 0, sizeof text, NULL));
    printf("served: %s\n", text);
    weir_reader_free(r);
    weir_stream_unref(s);
}

int main(void)
{
    char dir[] = "/tmp/weir-example-XXXXXX";
    const weir_dirfs_opts marked = {.marked = true};
    weir_fs *fs;
    weir_stream *s;

    made(mkdtemp(dir));
    must(weir_dirfs_new_with(dir, &marked, &fs));
    must(weir_stream_new(fs, "fox", NULL, &s));
    fetch(s, 16);
    weir_stream_unref(s); /* as if the process ended here */
    serve(fs);

    must(weir_stream_resume(fs, "fox", NULL, NULL, &s));
    fetch(s, sizeof whole);
    must(weir_stream_close(s));
    printf("verified: %s\n",
           weir_strerror(weir_stream_verify(fs, "fox", NULL)));
    serve(fs);

    must(weir_stream_remove(s, NULL));
    weir_stream_unref(s);
    weir_fs_free(fs);
    rmdir(dir);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
