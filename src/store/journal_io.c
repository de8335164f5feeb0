/* SPDX-License-Identifier: MIT */
/* The writers and readers of a journal. A reader has a place of its own in the
 * stream; the turn of its hand is held while it waits there. */
#include "base/mem.h"
#include "store/journal.h"

struct writer {
    struct wr_journal *journal;
    bool closed; /* under the journal's turn                                */
};

struct reader {
    struct wr_journal *journal;
    struct wr_frames frames;
    struct wr_hand hand;
    bool closed; /* atomic; set under the journal's turn                    */
};

/* ---- writing ------------------------------------------------------------- */

int wr_journal_writer(struct wr_journal *j, void **out)
{
    if (wr_journal_has_ended(j) || j->broken)
        return j->broken ? j->broken : WEIR_CLOSED;
    struct writer *w = wr_alloc(sizeof(*w));
    if (!w)
        return WEIR_ENOMEM;
    w->journal = j;
    j->writers++;
    *out = w;
    return 0;
}

int wr_journal_write(void *writer, const void *data, size_t size, weir_ctx *ctx)
{
    struct wr_journal *j = ((struct writer *)writer)->journal;
    int err = weir_mutex_lock(&j->turn, ctx);
    if (err)
        return err;
    err = wr_journal_append(j, data, size);
    weir_mutex_unlock(&j->turn);
    return err;
}

static void leave(struct writer *w)
{
    w->journal->writers -= !w->closed;
    w->closed = true;
}

int wr_journal_writer_close(void *writer)
{
    struct writer *w = writer;
    int err = weir_mutex_lock(&w->journal->turn, NULL);
    if (err)
        return err;
    leave(w);
    err = wr_journal_end(w->journal);
    weir_mutex_unlock(&w->journal->turn);
    return err;
}

void wr_journal_writer_free(void *writer)
{
    struct writer *w = writer;
    weir_mutex_lock(&w->journal->turn, NULL);
    leave(w);
    weir_mutex_unlock(&w->journal->turn);
    wr_journal_unref(w->journal);
    wr_free(w);
}

/* ---- reading ------------------------------------------------------------- */

int wr_journal_reader(struct wr_journal *j, void **out)
{
    struct reader *r = wr_alloc(sizeof(*r));
    if (!r)
        return WEIR_ENOMEM;
    r->frames.checked = j->of->files;
    r->frames.until = INT64_MAX;
    int err = weir_stream_next_reader(j->stream, &r->frames.from);
    if (err) {
        wr_free(r);
        return err;
    }
    r->journal = j;
    j->readers++;
    *out = r;
    return 0;
}

/* With the turn: has r a message in hand? */
static int fetch(void *reader, weir_ctx *ctx)
{
    struct reader *r = reader;
    struct wr_message *m;
    if (__atomic_load_n(&r->closed, __ATOMIC_RELAXED))
        return WEIR_CLOSED;
    if (r->hand.message)
        return 0;
    int err = wr_frames_next(&r->frames, &m, ctx);
    if (!err)
        wr_hand_take(&r->hand, m);
    return err;
}

ptrdiff_t wr_journal_read(void *reader, void *buf, size_t size, weir_ctx *ctx)
{
    struct reader *r = reader;
    return wr_hand_read(&r->hand, buf, size, fetch, r, ctx);
}

ptrdiff_t wr_journal_rest(const void *reader)
{
    return wr_hand_rest(&((const struct reader *)reader)->hand);
}

int wr_journal_reader_close(void *reader)
{
    struct reader *r = reader;
    int err = weir_mutex_lock(&r->journal->turn, NULL);
    if (err)
        return err;
    r->journal->readers -= !r->closed;
    __atomic_store_n(&r->closed, true, __ATOMIC_RELAXED);
    weir_mutex_unlock(&r->journal->turn);
    return weir_reader_close(r->frames.from);
}

void wr_journal_reader_free(void *reader)
{
    struct reader *r = reader;
    weir_reader_free(r->frames.from);
    wr_message_unref(r->hand.message);
    wr_journal_unref(r->journal);
    wr_free(r);
}
