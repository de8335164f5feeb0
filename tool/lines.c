/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>
#include <weir/stream.h>

#include "count.h"
#include "report.h"
#include "tool.h"

static void fail(struct lines *l, const char *why)
{
    l->ledger->failed++;
    report("%s: a line has failed: %s", l->name, why);
}

/* Lines to be written that the output did not take. */
static void account(struct lines *l, size_t written)
{
    struct ledger *ledger = l->ledger;
    uint64_t all = count_byte(l->text.data, l->text.len, l->mark);
    uint64_t out = count_byte(l->text.data, written, l->mark);
    ledger->out += out;
    ledger->bytes_out += written;
    if (printer_failed(l->printer))
        ledger->failed += all - out;
    else
        ledger->left += all - out;
}

static void flush(struct lines *l)
{
    if (l->text.len > 0)
        account(l, printer_write(l->printer, l->text.data, l->text.len));
    l->text.len = 0;
}

/* One line, whose mark is the last of the n bytes. */
static void add_line(struct lines *l, const char *line, size_t n)
{
    size_t named = l->named ? strlen(l->name) + 2 : 0;
    if (n - 1 > l->most) {
        fail(l, "it is too long (--max-record)");
        return;
    }
    if (!bytes_reserve(&l->text, named + n)) {
        fail(l, "out of memory");
        return;
    }
    if (l->named) {
        bytes_add(&l->text, l->name, named - 2);
        bytes_add(&l->text, ": ", 2);
    }
    bytes_add(&l->text, line, n);
}

/* Keeps the beginning of a line, as far as it can be a line at all. */
static void hold(struct lines *l, const char *data, size_t n)
{
    if (l->skipping)
        return;
    if (n <= l->most - l->held.len && bytes_add(&l->held, data, n))
        return;
    l->skipping = true;
    bytes_free(&l->held);
}

/* A line that began in an earlier piece is at its end. */
static void end_held(struct lines *l, const char *data, size_t n)
{
    if (l->skipping)
        fail(l, "it is too long (--max-record, or memory)");
    else if (bytes_add(&l->held, data, n))
        add_line(l, l->held.data, l->held.len);
    else
        fail(l, "out of memory");
    l->skipping = false;
    l->held.len = 0;
}

static void cut(struct lines *l, const char *data, size_t n)
{
    const char *mark;
    while (n > 0 && (mark = memchr(data, l->mark, n)) != NULL) {
        size_t len = (size_t)(mark - data) + 1;
        if (l->held.len > 0 || l->skipping)
            end_held(l, data, len);
        else
            add_line(l, data, len);
        data += len;
        n -= len;
    }
    if (n > 0)
        hold(l, data, n);
}

void lines_run(struct lines *l)
{
    weir_loan loan;
    int code;
    while ((code = weir_reader_borrow(l->reader, &loan, 0, NULL)) > 0) {
        cut(l, loan.data, loan.size);
        weir_reader_give_back(l->reader, &loan);
        flush(l);
    }
    if (code < 0) {
        tool_say(l->name, code);
        weir_ctx_cancel(&l->printer->stop->work, 0);
    }
    bytes_free(&l->held);
    bytes_free(&l->text);
}
