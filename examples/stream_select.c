/* SPDX-License-Identifier: MIT */
/*
 * A reader beside other things to wait for: a case of select that is ready
 * when a read would not wait, next to a channel and the end of a context.
 */
#include <string.h>
#include "must.h"

WEIR_CHAN(commands, char);

struct session {
    weir_stream *log;
    commands *to;
};

/* One thing at a time: each is waited for, and answered, before the next. */
static void feed(void *arg)
{
    struct session *s = arg;

    must(weir_stream_write(s->log, "first", 5, NULL));
    must(commands_send(s->to, 'x', NULL));
    must(weir_stream_write(s->log, "second", 6, NULL));
    must(weir_stream_close(s->log));
}

static bool read_log(weir_reader *r)
{
    char text[32];
    const ptrdiff_t n = must(weir_reader_read(r, text, sizeof text, NULL));

    if (n > 0)
        printf("log: %.*s\n", (int)n, text);
    else
        puts("log: the end");
    return n > 0;
}

int main(void)
{
    struct session s = {.to = made(commands_new(0))};
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_chan *ready;
    weir_reader *r;
    char command;
    int heard = 0;

    must(weir_stream_new_mem("log", NULL, &s.log));
    must(weir_stream_next_reader(s.log, &r));
    must(weir_reader_ready(r, &ready));
    must(weir_go(feed, &s));
    for (bool more = true; more;) {
        weir_case cs[] = {
            WEIR_RECV(ready, NULL),
            commands_recv_case(s.to, &command),
            WEIR_DONE(&ctx),
        };
        switch (must(weir_select_with(cs, 3, NULL, WEIR_SELECT_ORDERED))) {
        case 0:
            more = read_log(r);
            break;
        case 1:
            printf("command %d: %c\n", ++heard, command);
            break;
        default:
            more = false;
        }
    }
    weir_reader_free(r);
    weir_stream_unref(s.log);
    commands_unref(s.to);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
