/* SPDX-License-Identifier: MIT */
/*
 * A cache in front of something slow: who asks first for a page renders it
 * into its stream; everybody else reads the same bytes, already while they
 * come; what is found after a restart is complete.
 */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "must.h"

enum { VISITORS = 20 };

struct site {
    weir_stream_cache *cache;
    atomic_int renderings, served;
};

static void render(struct site *site, weir_stream *page)
{
    atomic_fetch_add(&site->renderings, 1);
    must(weir_stream_write(page, "<p>half ", 8, NULL));
    must(weir_sleep(WEIR_MILLISECOND, NULL)); /* the others read meanwhile */
    must(weir_stream_write(page, "and half</p>", 12, NULL));
    must(weir_stream_close(page));
    weir_stream_unref(page);
}

static void visit(void *arg)
{
    struct site *site = arg;
    weir_stream *page;
    weir_reader *r;
    char text[32] = "";

    must(weir_stream_cache_get(site->cache, "/index?lang=en", &r, &page, NULL));
    if (page)
        render(site, page);
    must(weir_reader_read_at(r, text, sizeof text, 0, sizeof text, NULL));
    if (strcmp(text, "<p>half and half</p>") == 0)
        atomic_fetch_add(&site->served, 1);
    weir_reader_free(r);
}

static void open_site(struct site *site, weir_fs *fs)
{
    const weir_stream_cache_opts limits = {.max_bytes = 64 << 20};
    weir_stream_cache_counts now;

    must(weir_stream_cache_new(fs, &limits, &site->cache));
    must(weir_stream_cache_get_counts(site->cache, &now));
    printf("the cache has %zu pages, %lld bytes\n", now.streams,
           (long long)now.bytes);
}

int main(void)
{
    char dir[] = "/tmp/weir-example-XXXXXX";
    const weir_dirfs_opts marked = {.marked = true};
    struct site site = {0};
    weir_wg visitors = WEIR_WG_INIT;
    weir_fs *fs;

    made(mkdtemp(dir));
    must(weir_dirfs_new_with(dir, &marked, &fs));
    open_site(&site, fs);
    for (int i = 0; i < VISITORS; i++)
        must(weir_wg_go(&visitors, visit, &site));
    must(weir_wg_wait(&visitors, NULL));
    printf("%d visitors, %d served, rendered %d time\n", VISITORS,
           atomic_load(&site.served), atomic_load(&site.renderings));
    weir_stream_cache_free(site.cache);

    open_site(&site, fs); /* as after a restart */
    must(weir_stream_cache_remove(site.cache, "/index?lang=en", NULL));
    weir_stream_cache_free(site.cache);
    weir_fs_free(fs);
    rmdir(dir);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
