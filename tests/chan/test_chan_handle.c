/* SPDX-License-Identifier: MIT */
/*
 * The handle: options and their limits, names, references, the destructor of
 * what is left, and what NULL and other wrong arguments get.
 */
#include "parties.h"

static void *const null = NULL; /* hides a NULL from the compiler's checks */

BEHAVIOUR(options_out_of_range)
{
    const size_t too_large = ((size_t)16 << 20) + 1;
    const size_t too_many = ((size_t)1 << 31) + 1;
    weir_chan_opts o = {.elem_size = too_large};

    must(weir_chan_new(too_large, 0) == NULL);
    must(weir_chan_new(1, too_many) == NULL);
    must(weir_chan_new(SIZE_MAX, 1) == NULL);
    must(weir_chan_new(8, SIZE_MAX) == NULL);
    must(weir_chan_new((size_t)16 << 20, (size_t)1 << 31) == NULL);
    must(weir_chan_new_with(NULL) == NULL);
    must(weir_chan_new_with(&o) == NULL);
    (void)crew;
}

BEHAVIOUR(options_at_their_defaults)
{
    const weir_chan_opts o = {0};
    weir_chan *c = weir_chan_new_with(&o);

    must(c != NULL);
    must_eq(weir_chan_cap(c), 0);
    must_eq(weir_chan_elem_size(c), 0);
    must_eq(strcmp(weir_chan_name(c), ""), 0);
    must_eq(weir_chan_try_send(c, NULL), WEIR_FULL);
    weir_chan_unref(c);
    (void)crew;
}

BEHAVIOUR(largest_element)
{
    const size_t size = (size_t)16 << 20;
    weir_chan *c = weir_chan_new(size, 1);
    unsigned char *in = malloc(size), *out = calloc(1, size);

    must(c != NULL && in != NULL && out != NULL);
    memset(in, 0x5a, size);
    must_eq(weir_chan_send(c, in, NULL), 0);
    must_eq(weir_chan_recv(c, out, NULL), 0);
    must_eq(memcmp(in, out, size), 0);
    weir_chan_unref(c);
    free(in);
    free(out);
    (void)crew;
}

BEHAVIOUR(name_is_copied_and_cut)
{
    char name[100];
    weir_chan_opts o = {.name = name};
    weir_chan *c;

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    c = weir_chan_new_with(&o);
    name[0] = 'x';
    must_eq(strlen(weir_chan_name(c)), 63);
    must_eq(strspn(weir_chan_name(c), "n"), 63);
    weir_chan_unref(c);
    strcpy(name, "jobs");
    c = weir_chan_new_with(&o);
    must_eq(strcmp(weir_chan_name(c), "jobs"), 0);
    weir_chan_unref(c);
    (void)crew;
}

/* The destructor gets what is left in the buffer, each once and in order,
 * when the last reference goes, and may call the library. */
static atomic_int destroyed;
static ints *told;

static void destroy_int(void *elem)
{
    int v;

    memcpy(&v, elem, sizeof v);
    must_eq(ints_try_send(told, v), 0);
    atomic_fetch_add(&destroyed, 1);
}

BEHAVIOUR(destructor_gets_what_is_left)
{
    const weir_chan_opts o = {
        .elem_size = sizeof(int), .capacity = 5, .destroy = destroy_int};
    weir_chan *c = weir_chan_new_with(&o);
    int i, v;

    told = ints_new(5);
    for (i = 0; i < 7; i++) {
        if (i == 5 || i == 6)
            must_eq(weir_chan_recv(c, &v, NULL), 0);
        must_eq(weir_chan_send(c, &i, NULL), 0);
    }
    must_eq(weir_chan_recv(c, NULL, NULL), 0);
    must(weir_chan_ref(c) == c);
    must_eq(weir_chan_close(c), 0);
    weir_chan_unref(c);
    must_eq(destroyed, 0);
    weir_chan_unref(c);
    must_eq(destroyed, 4);
    for (i = 3; i < 7; i++)
        must_eq(get(told), i);
    ints_unref(told);
    (void)crew;
}

/* References go from many parties at once; the last one frees. */
static void use_and_unref(void *arg)
{
    weir_chan *c = arg;
    int i;

    for (i = 0; i < 100; i++)
        weir_chan_unref(weir_chan_ref(c));
    weir_chan_unref(c);
}

BEHAVIOUR(last_reference_frees_whoever_drops_it)
{
    const weir_chan_opts o = {
        .elem_size = sizeof(int), .capacity = 1, .destroy = destroy_int};
    const int one = 1;
    int i, k;

    told = ints_new(1);
    for (i = 0; i < check_scale(50); i++) {
        weir_chan *c = weir_chan_new_with(&o);

        must_eq(weir_chan_send(c, &one, NULL), 0);
        for (k = 0; k < 4; k++)
            crew_go(crew, use_and_unref, weir_chan_ref(c));
        weir_chan_unref(c);
        crew_wait(crew);
        must_eq(destroyed, i + 1);
        must_eq(get(told), 1);
    }
    ints_unref(told);
}

/* The party that is handed the last element may drop the channel while the
 * sender is still on its way out of the send. */
static void take_and_drop(void *arg)
{
    ints *c = arg;

    must_eq(get(c), 3);
    ints_unref(c);
}

BEHAVIOUR(dropped_right_after_the_last_receive)
{
    int i, n = crew_many(crew, check_scale(3000), check_scale(500));

    for (i = 0; i < n; i++) {
        ints *c = ints_new((size_t)i % 2);

        weir_chan_ref(ints_base(c));
        crew_go(crew, take_and_drop, c);
        put(c, 3);
        ints_unref(c);
        crew_wait(crew);
    }
}

/* Who is served is done with the channel, even if it waited: the other side
 * may drop the only reference at once. */
static void send_without_a_reference(void *c)
{
    int v = 3;

    must_eq(weir_chan_send(c, &v, NULL), 0);
}

static void select_without_a_reference(void *c)
{
    int v = 3;
    weir_case k = WEIR_SEND(c, &v);

    must_eq(weir_select(&k, 1, NULL), 0);
}

BEHAVIOUR(dropped_by_who_served_a_waiter)
{
    const weir_chan_opts o = {.elem_size = sizeof(int), .name = "dropped"};
    int i, n = crew_many(crew, check_scale(3000), check_scale(500));

    for (i = 0; i < n; i++) {
        weir_chan *c = weir_chan_new_with(&o);
        int v = 0;

        crew_go(crew,
                i % 2 ? send_without_a_reference : select_without_a_reference,
                c);
        must_eq(weir_chan_recv(c, &v, NULL), 0);
        weir_chan_unref(c);
        must_eq(v, 3);
        crew_wait(crew);
    }
}

BEHAVIOUR(null_handle)
{
    weir_chan_stats st;
    int v = 1;

    must_eq(weir_chan_send(null, &v, NULL), WEIR_EINVAL);
    must_eq(weir_chan_recv(null, &v, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_send(null, &v), WEIR_EINVAL);
    must_eq(weir_chan_try_recv(null, &v), WEIR_EINVAL);
    must_eq(weir_chan_send_n(null, &v, 1, NULL), WEIR_EINVAL);
    must_eq(weir_chan_recv_n(null, &v, 1, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_send_n(null, &v, 1), WEIR_EINVAL);
    must_eq(weir_chan_try_recv_n(null, &v, 1), WEIR_EINVAL);
    must_eq(weir_chan_close(null), WEIR_EINVAL);
    must_eq(weir_chan_get_stats(null, &st), WEIR_EINVAL);
    must(weir_chan_is_closed(null));
    must_eq(weir_chan_len(null), 0);
    must_eq(weir_chan_cap(null), 0);
    must_eq(weir_chan_elem_size(null), 0);
    must_eq(strcmp(weir_chan_name(null), ""), 0);
    must(weir_chan_ref(null) == NULL);
    weir_chan_unref(null);
    must_eq(v, 1);
    (void)crew;
}

/* To send from NULL makes no sense; a receive into NULL discards. */
BEHAVIOUR(null_element)
{
    ints *c = ints_new(4);
    int many[2] = {1, 2}, v = 0;
    weir_case send[] = {ints_send_case(c, null)};
    weir_case recv[] = {ints_recv_case(c, null)};

    must_eq(weir_chan_send(ints_base(c), null, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_send(ints_base(c), null), WEIR_EINVAL);
    must_eq(ints_send_n(c, null, 2, NULL), WEIR_EINVAL);
    must_eq(weir_chan_try_send_n(ints_base(c), null, 2), WEIR_EINVAL);
    must_eq(weir_select(send, 1, NULL), WEIR_EINVAL);
    must_eq(ints_len(c), 0);
    must_eq(ints_send_n(c, many, 2, NULL), 2);
    must_eq(ints_recv(c, null, NULL), 0);
    must_eq(get(c), 2);
    put(c, 3);
    put(c, 4);
    must_eq(weir_select(recv, 1, NULL), 0);
    must_eq(ints_try_recv(c, null), 0);
    must_eq(ints_try_recv(c, &v), WEIR_EMPTY);
    must_eq(weir_chan_get_stats(ints_base(c), null), WEIR_EINVAL);
    ints_unref(c);
    (void)crew;
}

static void send_after_settling(void *arg)
{
    settle();
    put(arg, 1);
}

BEHAVIOUR(waiting_receive_discards_too)
{
    ints *c = ints_new(0);

    crew_go(crew, send_after_settling, c);
    must_eq(ints_recv(c, NULL, NULL), 0);
    crew_wait(crew);
    ints_unref(c);
}

BEHAVIOUR(wrong_select_arguments)
{
    ints *c = ints_new(1);
    int v = 1;
    weir_case cs[] = {ints_send_case(c, &v)}, odd[] = {ints_send_case(c, &v)};

    odd[0].kind = (enum weir_case_kind)99;
    must_eq(weir_select(null, 1, NULL), WEIR_EINVAL);
    must_eq(weir_select(cs, -1, NULL), WEIR_EINVAL);
    must_eq(weir_select(odd, 1, NULL), WEIR_EINVAL);
    must_eq(weir_select_with(cs, 1, NULL, 0x80), WEIR_EINVAL);
    must_eq(ints_len(c), 0);
    ints_unref(c);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(options_out_of_range),
           CHECK_MODES(options_at_their_defaults), CHECK_MODES(largest_element),
           CHECK_MODES(name_is_copied_and_cut),
           CHECK_MODES(destructor_gets_what_is_left),
           CHECK_MODES(last_reference_frees_whoever_drops_it),
           CHECK_MODES(dropped_right_after_the_last_receive),
           CHECK_MODES(dropped_by_who_served_a_waiter),
           CHECK_MODES(null_handle), CHECK_MODES(null_element),
           CHECK_MODES(waiting_receive_discards_too),
           CHECK_MODES(wrong_select_arguments))
