/* SPDX-License-Identifier: MIT */
/* What the engine `mem` is built of: the table, the log, the ids. Each keeps
 * what it is given, whatever memory there is, and gives memory back. */
#include "mem_checks.h"

enum { MANY = 2000, NAME = 16 };

/* ---- the table ----------------------------------------------------------- */

struct item {
    struct wr_mem_entry entry;
    char name[NAME];
    bool in;
};

static struct item *new_items(void)
{
    struct item *items = calloc(MANY, sizeof *items);

    must(items != NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(items[i].name, NAME, "%d", i);
        wr_mem_entry_init(&items[i].entry, items[i].name,
                          strlen(items[i].name));
    }
    return items;
}

static void check_item(const struct wr_mem_table *t, struct item *i)
{
    struct wr_mem_entry like;

    wr_mem_entry_init(&like, i->name, strlen(i->name));
    must(wr_mem_find(t, &like) == (i->in ? &i->entry : NULL));
}

static void fill_and_empty(struct wr_mem_table *t, struct item *items)
{
    for (int i = 0; i < MANY; i++) {
        wr_mem_add(t, &items[i].entry);
        items[i].in = true;
        check_item(t, &items[i / 2]);
        check_item(t, &items[(i + MANY) / 2]);
        must_eq(t->count, i + 1);
    }
    for (int i = 0; i < MANY; i++)
        check_item(t, &items[i]);
    for (int i = 0; i < MANY; i++) {
        wr_mem_remove(t, &items[i].entry);
        items[i].in = false;
        check_item(t, &items[i / 2]);
        check_item(t, &items[(i + MANY) / 2]);
    }
    must_eq(t->count, 0);
}

START_TEST(a_table_finds_what_is_in_it_while_it_grows_and_shrinks)
{
    struct wr_mem_table t = {0};
    struct item *items = new_items();

    for (int round = 0; round < 3; round++) {
        fill_and_empty(&t, items);
        must(t.buckets == NULL || t.mask < 64);
    }
    wr_mem_table_free(&t);
    free(items);
}
END_TEST

START_TEST(a_table_without_memory_gets_slower_only)
{
    struct wr_mem_table t = {0};
    struct item *items = new_items();

    wr_mem_fail_after(0);
    fill_and_empty(&t, items);
    wr_mem_fail_after(2); /* two sizes, and then no more */
    fill_and_empty(&t, items);
    wr_mem_fail_after(-1);
    wr_mem_table_free(&t);
    free(items);
}
END_TEST

/* No call moves many entries, so none takes long. */
START_TEST(a_table_moves_a_few_at_a_time)
{
    struct wr_mem_table t = {0};
    struct item *items = new_items();
    size_t moved = 0;

    for (int i = 0; i < MANY; i++) {
        const bool was = t.moving;

        wr_mem_add(&t, &items[i].entry);
        if (was && t.moving)
            must(t.moved - moved <= 8);
        moved = t.moving ? t.moved : 0;
    }
    wr_mem_table_free(&t);
    free(items);
}
END_TEST

START_TEST(keys_are_bytes)
{
    static const char keys[][3] = {"\0\0", "\0a", "a\0", "ab"};
    struct wr_mem_table t = {0};
    struct wr_mem_entry entries[8];

    for (int i = 0; i < 4; i++) {
        wr_mem_entry_init(&entries[i], keys[i], 2);
        wr_mem_entry_init(&entries[i + 4], keys[i], 1);
        must(wr_mem_find(&t, &entries[i]) == NULL);
        wr_mem_add(&t, &entries[i]);
    }
    must(wr_mem_find(&t, &entries[4]) == NULL);
    wr_mem_add(&t, &entries[4]); /* "\0", as entries[5] is */
    for (int i = 0; i < 4; i++)
        must(wr_mem_find(&t, &entries[i]) == &entries[i]);
    must(wr_mem_find(&t, &entries[5]) == &entries[4]);
    must(wr_mem_find(&t, &entries[6]) == NULL);
    wr_mem_table_free(&t);
}
END_TEST

/* ---- the log ------------------------------------------------------------- */

static int marks[2 * MANY + 1];

/* Message s is the event marks[s], published at time 10 * s. */
static void push(struct wr_mem_log *l)
{
    const uint64_t seq = l->last + 1;

    must_eq(wr_mem_log_reserve(l, 1), 0);
    *wr_mem_log_push(l) =
        (struct wr_mem_msg){.event = (weir_event *)(void *)&marks[seq],
                            .published = (int64_t)seq * 10,
                            .bytes = seq};
    l->bytes += seq;
}

static void sweep(struct wr_mem_log *l, size_t most)
{
    const uint64_t base = l->base;
    weir_event *out[64];
    const size_t n = wr_mem_log_sweep(l, out, most);

    for (size_t i = 0; i < n; i++)
        must((void *)out[i] == &marks[base + i]);
    must(n == most || l->base == l->first);
}

static size_t chunks(const struct wr_mem_log *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->room; i++)
        n += l->chunks[i] != NULL;
    return n;
}

START_TEST(a_log_keeps_what_is_between_its_ends)
{
    struct wr_mem_log l;

    wr_mem_log_init(&l);
    must_eq(wr_mem_log_count(&l), 0);
    for (int i = 0; i < MANY; i++)
        push(&l);
    for (int i = 0; i < MANY; i++) { /* as many leave as come */
        push(&l);
        wr_mem_log_drop(&l);
        if (i % 40 == 39)
            sweep(&l, 64);
        must_eq(wr_mem_log_count(&l), MANY);
        must((void *)wr_mem_log_at(&l, l.first)->event == &marks[l.first]);
        must((void *)wr_mem_log_at(&l, l.last)->event == &marks[l.last]);
    }
    must(l.room * WR_MEM_CHUNK >= MANY);
    while (wr_mem_log_count(&l) > 0) {
        wr_mem_log_drop(&l);
        sweep(&l, 1);
    }
    must_eq(l.bytes, 0);
    must_eq(l.last, 2 * MANY);
    must_eq(l.room, 8); /* it has given back what it had */
    must(chunks(&l) <= 1);
    wr_mem_log_free(&l);
}
END_TEST

START_TEST(a_log_without_memory_stays_as_it_is)
{
    struct wr_mem_log l;
    int64_t budget;

    wr_mem_log_init(&l);
    for (int i = 0; i < 100; i++)
        push(&l);
    for (budget = 0;; budget++) {
        wr_mem_fail_after(budget);
        if (wr_mem_log_reserve(&l, MANY) == 0)
            break;
        must_eq(l.last, 100);
        must((void *)wr_mem_log_at(&l, 100)->event == &marks[100]);
    }
    must(budget > 2);
    wr_mem_fail_after(0); /* what is reserved needs no more */
    for (int i = 0; i < MANY; i++)
        push(&l);
    wr_mem_log_clear(&l);
    while (l.base < l.first)
        sweep(&l, 64);
    wr_mem_fail_after(-1);
    wr_mem_log_free(&l);
}
END_TEST

/* Chunks that were reserved and not used are not forgotten when the ring
 * shrinks: the leak checker would tell. */
START_TEST(a_log_forgets_no_chunk)
{
    struct wr_mem_log l;

    wr_mem_log_init(&l);
    for (int i = 0; i < MANY; i++)
        push(&l);
    must_eq(wr_mem_log_reserve(&l, 4 * WR_MEM_CHUNK), 0);
    wr_mem_log_clear(&l);
    while (l.base < l.first)
        sweep(&l, 64);
    push(&l);
    must((void *)wr_mem_log_at(&l, l.last)->event == &marks[l.last]);
    wr_mem_log_free(&l);
}
END_TEST

START_TEST(a_log_finds_an_instant)
{
    struct wr_mem_log l;

    wr_mem_log_init(&l);
    must_eq(wr_mem_log_since(&l, 5), 1);
    for (int i = 0; i < 600; i++)
        push(&l);
    for (int i = 0; i < 300; i++)
        wr_mem_log_drop(&l);
    must_eq(wr_mem_log_since(&l, INT64_MIN), 301);
    must_eq(wr_mem_log_since(&l, 3010), 301);
    must_eq(wr_mem_log_since(&l, 3011), 302);
    must_eq(wr_mem_log_since(&l, 5995), 600);
    must_eq(wr_mem_log_since(&l, 6000), 600);
    must_eq(wr_mem_log_since(&l, 6001), 601);
    wr_mem_log_free(&l);
}
END_TEST

/* ---- ids ----------------------------------------------------------------- */

static void add_id(struct wr_mem_ids *s, const char *text, uint64_t seq,
                   int64_t at)
{
    struct wr_mem_id *id = wr_mem_id_new(text);

    must(id != NULL);
    id->seq = seq;
    id->at = at;
    wr_mem_ids_add(s, id);
    wr_mem_id_unref(id);
}

START_TEST(an_id_is_known_for_its_time)
{
    struct wr_mem_ids s = {.keep = 100};

    add_id(&s, "a", 1, 1000);
    must_eq(wr_mem_ids_find(&s, "a", 1000, 10)->seq, 1);
    must_eq(wr_mem_ids_find(&s, "a", 1009, 10)->seq, 1);
    must(wr_mem_ids_find(&s, "a", 1010, 10) == NULL);
    must(wr_mem_ids_find(&s, "b", 1000, 10) == NULL);
    must_eq(wr_mem_ids_find(&s, "a", 1099, 100)->seq, 1); /* for another one */
    add_id(&s, "a", 7, 1050);
    must_eq(wr_mem_ids_find(&s, "a", 1120, 100)->seq, 7);
    must_eq(s.table.count, 1);
    must(wr_mem_ids_find(&s, "a", 1150, 100) == NULL);
    must(s.oldest == NULL && s.newest == NULL);
    must_eq(s.table.count, 0);
    wr_mem_ids_free(&s);
}
END_TEST

START_TEST(ids_go_faster_than_they_come)
{
    struct wr_mem_ids s = {.keep = 100};
    char text[NAME];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, NAME, "%d", i);
        add_id(&s, text, 1, 0);
    }
    for (int i = 0; i < MANY / 2; i++) {
        snprintf(text, NAME, "new %d", i);
        must(wr_mem_ids_find(&s, text, 200, 100) == NULL);
        add_id(&s, text, 1, 200);
    }
    must_eq(s.table.count, MANY / 2);
    must(s.oldest->at == 200);
    wr_mem_ids_free(&s);
    must(s.oldest == NULL && s.table.buckets == NULL);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_table_finds_what_is_in_it_while_it_grows_and_shrinks),
           CHECK_TEST(a_table_without_memory_gets_slower_only),
           CHECK_TEST(a_table_moves_a_few_at_a_time),
           CHECK_TEST(keys_are_bytes),
           CHECK_TEST(a_log_keeps_what_is_between_its_ends),
           CHECK_TEST(a_log_without_memory_stays_as_it_is),
           CHECK_TEST(a_log_forgets_no_chunk),
           CHECK_TEST(a_log_finds_an_instant),
           CHECK_TEST(an_id_is_known_for_its_time),
           CHECK_TEST(ids_go_faster_than_they_come))
