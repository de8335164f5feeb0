/* SPDX-License-Identifier: MIT */
/* Engines by scheme, and the calls that need no handle. */
#include "fake.h"

START_TEST(an_engine_is_registered_once)
{
    static weir_engine second;
    const weir_engine *e = NULL;
    weir_why why;

    fake_start();
    second = fake_engine;
    must_eq(weir_engine_find(&e, "fake", &why), 0);
    must(e == &fake_engine);
    must_eq(weir_engine_register(&fake_engine), -EEXIST);
    must_eq(weir_engine_register(&second), -EEXIST);
    second.caps.engine = "fake2";
    must_eq(weir_engine_register(&second), 0);
    must_eq(weir_engine_find(&e, "fake2", &why), 0);
    must(e == &second);
}
END_TEST

START_TEST(what_is_no_engine)
{
    static const char *const schemes[] = {"", "Fake", "9", "a-b", "a:", NULL};
    weir_engine bad;
    const weir_engine *e = &bad;
    weir_why why;
    size_t i;

    must_eq(weir_engine_register(NULL), WEIR_EINVAL);
    for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        bad = fake_engine;
        bad.caps.engine = schemes[i];
        must_eq(weir_engine_register(&bad), WEIR_EINVAL);
        must_eq(weir_engine_find(&e, schemes[i], &why), WEIR_EINVAL);
        must(e == NULL && why.text[0] != '\0');
    }
    bad = fake_engine;
    bad.size--;
    must_eq(weir_engine_register(&bad), WEIR_EINVAL);
    must_eq(weir_engine_find(NULL, "fake", &why), WEIR_EINVAL);
}
END_TEST

/* Each of them: an engine is a row of pointers behind its caps. */
START_TEST(every_call_is_needed)
{
    const size_t first = offsetof(weir_engine, pub_open);
    weir_engine bad;
    void (*none)(void) = NULL;
    size_t at;

    for (at = first; at < sizeof bad; at += sizeof none) {
        bad = fake_engine;
        bad.caps.engine = "part";
        memcpy((char *)&bad + at, &none, sizeof none);
        must_eq(weir_engine_register(&bad), WEIR_EINVAL);
    }
}
END_TEST

BEHAVIOUR(no_such_engine)
{
    const weir_engine *e = &fake_engine;
    weir_why why;

    must_eq(weir_engine_find(&e, "nosuchengine", &why), -ENOENT);
    must(e == NULL);
    must(strstr(why.text, "nosuchengine:") != NULL);
    must(strstr(why.text, "weir_engine_register") != NULL);
    must_eq(weir_engine_find(&e, "nosuchengine", NULL), -ENOENT);
    (void)crew;
}

static weir_engine mine[8];
static atomic_int next, registered;

static void contend(void *arg)
{
    weir_engine *e = &mine[atomic_fetch_add(&next, 1)];
    const weir_engine *found = NULL;
    int err;

    *e = fake_engine;
    e->caps.engine = arg;
    err = weir_engine_register(e);
    must(err == 0 || err == -EEXIST);
    atomic_fetch_add(&registered, err == 0);
    must_eq(weir_engine_find(&found, arg, NULL), 0);
    must((found == e) == (err == 0));
}

BEHAVIOUR(one_of_many_gets_the_scheme)
{
    static char names[MODES][8] = {"one0", "one1", "one2", "one3"};
    int i;

    atomic_store(&next, 0);
    atomic_store(&registered, 0);
    for (i = 0; i < 8; i++)
        crew_go(crew, contend, names[crew->mode]);
    crew_wait(crew);
    must_eq(registered, 1);
}

START_TEST(a_registry_without_memory)
{
    static weir_engine e;
    const weir_engine *found;

    e = fake_engine;
    e.caps.engine = "poor";
    wr_mem_fail_after(0);
    must_eq(weir_engine_register(&e), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must_eq(weir_engine_find(&found, "poor", NULL), -ENOENT);
    must_eq(weir_engine_register(&e), 0);
}
END_TEST

/* ---- topics and groups --------------------------------------------------- */

START_TEST(topics_and_groups_by_url)
{
    weir_topic_counts n = {0};
    char name[300];
    weir_why why;

    fake_start();
    fake_feed(3);
    must_eq(weir_topic_get_counts("fake:a", &n, &why), 0);
    must_eq(n.messages, 3);
    must_eq(weir_topic_get_counts("fake:none", &n, &why), -ENOENT);
    must(strstr(why.text, "fake:none") != NULL);
    must_eq(weir_topic_get_counts("fake:a", NULL, &why), WEIR_EINVAL);
    must_eq(weir_topic_get_counts("a", &n, &why), WEIR_EINVAL);
    must_eq(weir_topic_remove("fake:a", &why), 0);
    must(why.text[0] == '\0');
    must_eq(weir_topic_remove("fake:none", NULL), -ENOENT);
    must_eq(weir_topic_remove(NULL, &why), WEIR_EINVAL);
    must_eq(weir_group_remove("fake:a", "mail", &why), 0);
    must(strcmp(fake.group, "mail") == 0);
    must_eq(weir_group_remove("fake:none", "mail", &why), -ENOENT);
    must_eq(weir_group_remove("fake:a", NULL, &why), WEIR_EINVAL);
    must_eq(weir_group_remove("fake:a", "", &why), WEIR_EINVAL);
    must_eq(weir_group_remove("fake:a", "\001x", &why), WEIR_EINVAL);
    must(strstr(why.text, "control") != NULL);
    memset(name, 'x', sizeof name);
    name[256] = '\0';
    must_eq(weir_group_remove("fake:a", name, &why), WEIR_EINVAL);
    name[255] = '\0';
    must_eq(weir_group_remove("fake:a", name, &why), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(an_engine_is_registered_once),
           CHECK_TEST(what_is_no_engine), CHECK_TEST(every_call_is_needed),
           CHECK_MODES(no_such_engine),
           CHECK_MODES(one_of_many_gets_the_scheme),
           CHECK_TEST(a_registry_without_memory),
           CHECK_TEST(topics_and_groups_by_url))
