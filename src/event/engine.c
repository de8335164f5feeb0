/* SPDX-License-Identifier: MIT */
/*
 * Engines by scheme.
 *
 * Those that are known are on a list: `mem` from the start, the others when
 * they are registered, or found as a shared library. Nothing ever leaves it:
 * an engine stays valid for as long as the process lives.
 *
 * Invariant, under the lock: no two entries of the list have the same scheme.
 * Libraries are loaded one at a time, under a lock of their own, so that
 * known engines are found meanwhile; and by weir_blocking, as a loader needs
 * more stack than a task has, and runs the constructors of others.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weir/mutex.h>
#include <weir/task.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "event/engine.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
#define MAJOR    TEXT(WEIR_VERSION_MAJOR)

struct entry {
    struct entry *next;
    const weir_engine *engine;
};

static weir_mutex lock = WEIR_MUTEX_INIT;
static struct entry *engines; /* under lock */
static weir_mutex loading = WEIR_MUTEX_INIT;

/* ---- the list ------------------------------------------------------------ */

static bool is_complete(const weir_engine *e)
{
    return e && e->size >= sizeof(*e) && wr_scheme_ok(e->caps.engine) &&
           e->pub_open && e->publish && e->pub_close && e->pub_free &&
           e->sub_open && e->recv && e->settle && e->delivery_free &&
           e->sub_close && e->sub_free && e->sub_counts && e->topic_counts &&
           e->topic_remove && e->group_remove;
}

/* Locked. */
static const weir_engine *known(const char *scheme)
{
    if (strcmp(scheme, "mem") == 0)
        return wr_mem_engine();
    for (const struct entry *i = engines; i; i = i->next)
        if (strcmp(i->engine->caps.engine, scheme) == 0)
            return i->engine;
    return NULL;
}

int weir_engine_register(const weir_engine *e)
{
    if (!is_complete(e))
        return WR_MISUSE("no engine, one of another version, a bad scheme, or "
                         "a call that is missing");
    struct entry *mine = wr_alloc(sizeof(*mine));
    if (!mine)
        return WEIR_ENOMEM;
    int err = weir_mutex_lock(&lock, NULL);
    if (!err) {
        err = known(e->caps.engine) ? -EEXIST : 0;
        *mine = (struct entry){engines, e};
        if (!err)
            engines = mine;
        weir_mutex_unlock(&lock);
    }
    if (err)
        wr_free(mine);
    return err;
}

static int look_up(const weir_engine **e, const char *scheme)
{
    const int err = weir_mutex_lock(&lock, NULL);
    if (err)
        return err;
    *e = known(scheme);
    weir_mutex_unlock(&lock);
    return *e ? 0 : -ENOENT;
}

/* ---- shared libraries ---------------------------------------------------- */

typedef const weir_engine *engine_fn(void);

struct search {
    const char *scheme;
    const weir_engine *found;
    weir_why *why;
};

/* A library that is linked with another libweir than this has tasks of its
 * own, for which ours are strangers. One that is linked with none, and yet was
 * loaded, has found what it needs in ours. */
static bool is_ours(void *library)
{
    const char *(*theirs)(void);
    *(void **)&theirs = dlsym(library, "weir_version");
    return !theirs || theirs == weir_version;
}

static int take_engine(struct search *s, const char *file, void *library)
{
    char name[WR_SCHEME_MAX + sizeof("weir__engine")];
    engine_fn *engine;
    snprintf(name, sizeof(name), "weir_%s_engine", s->scheme);
    *(void **)&engine = dlsym(library, name);
    if (!engine)
        return weir_why_set(s->why, WEIR_EINVAL, "%s has no function %s", file,
                            name);
    if (!is_ours(library))
        return weir_why_set(
            s->why, WEIR_EINVAL,
            "%s needs the shared libweir, and this program is linked with the "
            "static one: link libweir-%s.a as well, and call "
            "weir_engine_register(%s())",
            file, s->scheme, name);
    s->found = engine();
    if (!is_complete(s->found) || strcmp(s->found->caps.engine, s->scheme) != 0)
        return weir_why_set(s->why, WEIR_EINVAL,
                            "the engine in %s is not one for libweir %s", file,
                            weir_version());
    return 0;
}

static int not_loaded(const struct search *s, const char *file)
{
    const char *reason = dlerror();
    return weir_why_set(
        s->why, -ENOENT,
        "there is no engine for %s: URLs: %s: it has to lie beside libweir or "
        "where the system's loader looks, or be registered with "
        "weir_engine_register",
        s->scheme, reason ? reason : file);
}

static int load(void *arg)
{
    struct search *s = arg;
    char file[WR_SCHEME_MAX + sizeof("libweir-.so." MAJOR)];
    snprintf(file, sizeof(file), "libweir-%s.so." MAJOR, s->scheme);
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return not_loaded(s, file);
    const int err = take_engine(s, file, library);
    if (err)
        dlclose(library);
    return err;
}

/* Who registered it first, the library's user or another call, is right. */
static int search(const weir_engine **e, const char *scheme, weir_why *why)
{
    struct search s = {.scheme = scheme, .why = why};
    int err = weir_mutex_lock(&loading, NULL);
    if (err)
        return err;
    err = look_up(e, scheme);
    if (err == -ENOENT)
        err = weir_blocking(load, &s);
    if (s.found && !err)
        err = weir_engine_register(s.found);
    if (err == -EEXIST)
        err = 0;
    weir_mutex_unlock(&loading);
    return err ? err : look_up(e, scheme);
}

/* ---- finding ------------------------------------------------------------- */

int weir_engine_find(const weir_engine **e, const char *scheme, weir_why *why)
{
    wr_why_clear(why);
    if (e)
        *e = NULL;
    if (!e || !wr_scheme_ok(scheme))
        return weir_why_set(why, WR_MISUSE("no scheme, or no place for it"),
                            "a scheme is made of small letters and digits, "
                            "such as mem or file");
    int err = look_up(e, scheme);
    if (err == -ENOENT)
        err = search(e, scheme, why);
    if (err && why && !why->text[0])
        weir_why_set(why, err, "the engine of %s: URLs: %s", scheme,
                     weir_strerror(err));
    return err;
}

int wr_engine_of(const weir_engine **e, weir_url **url, const char *text,
                 weir_why *why)
{
    weir_limits limits = {0};
    int err = weir_url_parse(url, text, why);
    if (err)
        return err;
    err = weir_engine_find(e, (*url)->scheme, why);
    /* A limit that is none is wrong also where limits do nothing. */
    if (!err)
        err = weir_url_limits(*url, &limits, why);
    if (!err)
        return 0;
    weir_url_free(*url);
    *url = NULL;
    return err;
}
