/* SPDX-License-Identifier: MIT */
/*
 * WEIR_BLOCK, the default: who sends to a full channel waits, and so goes no
 * faster than the receiver. The hook says when it has come to that.
 */
#include "must.h"

WEIR_CHAN(words, const char *);

static void is_blocked(weir_chan *c, void *blocked)
{
    (void)c;
    must(weir_sem_release(blocked, 1));
}

static void send_third(void *c)
{
    puts("Attempting to send (will block)...");
    must(words_send(c, "third", NULL));
    puts("Send unblocked!");
}

int main(void)
{
    weir_sem blocked = WEIR_SEM_INIT(0);
    weir_wg sender = WEIR_WG_INIT;
    words *c = made(words_new_with((weir_chan_opts){
        .capacity = 2,
        .policy = WEIR_BLOCK,
        .hooks = {.on_block = is_blocked, .arg = &blocked},
    }));
    const char *word;

    must(words_send(c, "first", NULL));
    must(words_send(c, "second", NULL));
    printf("Buffer full: %zu/%zu\n", words_len(c), words_cap(c));

    must(weir_wg_go(&sender, send_third, c));
    must(weir_sem_acquire(&blocked, 1, NULL));
    must(words_recv(c, &word, NULL));
    must(weir_wg_wait(&sender, NULL));
    printf("Received: %s\n", word);

    must(weir_stop(WEIR_FOREVER));
    words_unref(c);
    return printed();
}
