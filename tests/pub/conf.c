/* SPDX-License-Identifier: MIT */
/*
 * The engines under test and the place of each test's topics. The folder for
 * engines that keep files is made before the tests' processes, and removed by a
 * process that sees all of them end, however they do: nothing is left behind.
 */
#include "conf.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/engine.h>

#if defined(WEIR_FILE)
#include <weir/file.h>
#endif

struct engine {
    const char *name;
    bool stores;
    const weir_engine *(*get)(void); /* NULL: libweir has it                */
    /* The URL of a topic, without the question mark. */
    void (*url)(char *out, size_t size, const char *topic);
};

enum { URL_SIZE = 512, TEXT_SIZE = 64, FEW = 40 };

/* In memory where there is such a place: the suite opens and closes hundreds
 * of files, and how fast a disk can do that is no matter of it. */
static const char *const places[] = {"/dev/shm", "/tmp"};
static char folder[TEXT_SIZE];

static void mem_url(char *out, size_t size, const char *topic)
{
    snprintf(out, size, "mem:%s?", topic);
}

#if defined(WEIR_FILE)
/* sync=off: what a loss of power leaves is not a matter of this suite. */
static void file_url(char *out, size_t size, const char *topic)
{
    snprintf(out, size, "file:%s/%d.db?sync=off&topic=%s&", folder,
             (int)getpid(), topic);
}
#endif

/* An engine that can do little: mem, which says that it cannot. What it is
 * asked for in spite of that must not come to it. */
static const weir_engine *poor_engine(void)
{
    static weir_engine poor;
    const weir_engine *mem = NULL;

    must_eq(weir_engine_find(&mem, "mem", NULL), 0);
    poor = *mem;
    poor.caps =
        (weir_caps){.engine = "poor", .max_message = (uint64_t)64 << 10};
    return &poor;
}

static void poor_url(char *out, size_t size, const char *topic)
{
    snprintf(out, size, "poor:%s?", topic);
}

static const struct engine built_in[] = {
    {.name = "mem", .url = mem_url},
    {.name = "poor", .get = poor_engine, .url = poor_url},
#if defined(WEIR_FILE)
    {"file", true, weir_file_engine, file_url},
#endif
};

enum { BUILT_IN = sizeof built_in / sizeof built_in[0] };

static bool picked[BUILT_IN];
static const struct engine *engines[BUILT_IN], *engine;
static int engine_count;

struct conf conf;
static char note[TEXT_SIZE];

/* What a test was given and need not give back. */
struct kept {
    struct kept *next;
    char text[];
};
static struct kept *kept;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static weir_ctx over;

/* ---- the frame ----------------------------------------------------------- */

static void pick(const char *name)
{
    for (int i = 0; i < BUILT_IN; i++) {
        if (strcmp(built_in[i].name, name) == 0) {
            picked[i] = true;
            return;
        }
    }
    fprintf(stderr, "WEIR_CONF_ENGINES: there is no %s in this build\n", name);
    exit(EXIT_FAILURE);
}

static void pick_engines(void)
{
    const char *list = getenv("WEIR_CONF_ENGINES");
    const bool all = list == NULL || *list == '\0';
    char *names = strdup(all ? "" : list), *name, *rest = NULL;

    must(names != NULL);
    for (name = strtok_r(names, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest))
        pick(name);
    free(names);
    for (int i = 0; i < BUILT_IN; i++)
        if (all || picked[i])
            engines[engine_count++] = &built_in[i];
    must(engine_count > 0);
}

static void make_folder(void)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(folder, sizeof folder, "%s/weir-conf-XXXXXX", places[i]);
        if (mkdtemp(folder) != NULL)
            return;
    }
    perror(folder);
    exit(EXIT_FAILURE);
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

/* Who removes the folder; the pipe's other end is open in the program and in
 * its tests, none of which writes to it. */
static pid_t remover;
static int tests_live;

static _Noreturn void remove_behind(int ended)
{
    char none;

    setsid(); /* what is sent to the group is not for it */
    while (read(ended, &none, 1) < 0 && errno == EINTR)
        ;
    if (nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0)
        _exit(EXIT_SUCCESS);
    perror(folder);
    _exit(EXIT_FAILURE);
}

void conf_main_begin(void)
{
    int ends[2];

    pick_engines();
    must_eq(pipe2(ends, O_CLOEXEC), 0);
    make_folder();
    remover = fork();
    must(remover >= 0);
    if (remover == 0) {
        close(ends[1]);
        remove_behind(ends[0]);
    }
    close(ends[0]);
    tests_live = ends[1];
}

int conf_main_end(int status)
{
    int removed = -1;

    close(tests_live);
    must_eq(waitpid(remover, &removed, 0), remover);
    return removed == 0 ? status : EXIT_FAILURE;
}

int conf_rounds(void)
{
    return engine_count * CONF_MODES;
}

int conf_mode(int round)
{
    return round % CONF_MODES == 0 ? TASKS : MIXED;
}

const char *conf_note(void)
{
    return note;
}

static void learn_caps(void)
{
    weir_pub *p = NULL;

    must_eq(weir_pub_open(&p, conf_url("caps", ""), NULL), 0);
    conf.caps = weir_pub_caps(p);
    must(conf.caps != NULL);
    weir_pub_free(p);
    must_eq(weir_topic_remove(conf_url("caps", ""), NULL), 0);
}

void conf_begin(int round)
{
    engine = engines[round / CONF_MODES];
    conf = (struct conf){.engine = engine->name, .stores = engine->stores};
    snprintf(note, sizeof note, " (%s:, %s)", engine->name,
             conf_mode(round) == TASKS ? "tasks" : "tasks and threads");
    party_of = note;
    if (engine->get != NULL)
        must_eq(weir_engine_register(engine->get()), 0);
    must_eq(weir_ctx_init(&over, NULL), 0);
    must_eq(weir_ctx_cancel(&over, 0), 0);
}

void conf_enter(struct crew *crew)
{
    conf.crew = crew;
    learn_caps();
}

void conf_end(void)
{
    struct kept *next;

    must_eq(weir_ctx_fini(&over), 0);
    for (; kept != NULL; kept = next) {
        next = kept->next;
        free(kept);
    }
}

int conf_many(int n)
{
    if (n <= FEW)
        return n;
    return n / ((conf.stores ? 4 : 1) * (check_is_slow() ? 2 : 1));
}

/* ---- topics -------------------------------------------------------------- */

const char *conf_url(const char *topic, const char *options)
{
    struct kept *k = calloc(1, sizeof *k + URL_SIZE);

    must(k != NULL);
    pthread_mutex_lock(&kept_lock);
    k->next = kept;
    kept = k;
    pthread_mutex_unlock(&kept_lock);
    engine->url(k->text, URL_SIZE, topic);
    must(strlen(k->text) + strlen(options) < URL_SIZE);
    strcat(k->text, options);
    if (*options == '\0')
        k->text[strlen(k->text) - 1] = '\0'; /* the ? or & */
    return k->text;
}

static void must_open(int err, const weir_why *why, const char *url)
{
    if (err != 0)
        ck_abort_msg("%s: %s: %s%s", url, weir_errname(err), why->text,
                     party_note());
    must(why->text[0] == '\0');
}

weir_pub *pub_on(const char *options)
{
    const char *url = conf_url("events", options);
    weir_pub *p = NULL;
    weir_why why;

    must_open(weir_pub_open(&p, url, &why), &why, url);
    must(p != NULL);
    return p;
}

weir_sub *sub_of(const char *topic, weir_sub_opts o)
{
    const char *url = conf_url(topic, "");
    weir_sub *s = NULL;
    weir_why why;

    if (o.ack_wait == 0)
        o.ack_wait = AN_HOUR;
    must_open(weir_sub_open(&s, url, &o, &why), &why, url);
    must(s != NULL);
    return s;
}

weir_sub *sub_on(weir_sub_opts o)
{
    return sub_of("events", o);
}

weir_sub *worker(void)
{
    return sub_on((weir_sub_opts){.group = "workers"});
}

weir_topic_counts topic_of(const char *topic)
{
    weir_topic_counts c;
    weir_why why;
    const char *url = conf_url(topic, "");

    must_open(weir_topic_get_counts(url, &c, &why), &why, url);
    return c;
}

weir_sub_counts counts_of(weir_sub *s)
{
    weir_sub_counts c;

    must_eq(weir_sub_get_counts(s, &c, NULL), 0);
    return c;
}

/* ---- the ends ------------------------------------------------------------ */

void close_now(weir_sub *s)
{
    const int err = weir_sub_close(s, ended());

    must(err == 0 || err == WEIR_CANCELED);
}

weir_ctx *ended(void)
{
    return &over;
}
