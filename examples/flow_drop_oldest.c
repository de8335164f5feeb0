/* SPDX-License-Identifier: MIT */
/* WEIR_DROP_OLDEST: in a full channel the oldest makes room for the new. */
#include "must.h"

WEIR_CHAN(words, const char *);

static void say_dropped(weir_chan *c, const void *elem, enum weir_drop reason,
                        void *arg)
{
    (void)c, (void)arg;
    printf("Dropped %s: %s\n", weir_drop_name(reason),
           *(const char *const *)elem);
}

int main(void)
{
    static const char *const sent[] = {"old1", "old2", "old3", "new1", "new2"};
    words *c = made(words_new_with((weir_chan_opts){
        .capacity = 3,
        .policy = WEIR_DROP_OLDEST,
        .hooks = {.on_drop = say_dropped},
    }));
    const char *word;

    for (int i = 0; i < 5; i++)
        must(words_send(c, sent[i], NULL));
    printf("Buffer contents: %zu items\n", words_len(c));

    while (words_try_recv(c, &word) == 0)
        printf("Received: %s\n", word);

    words_unref(c);
    return printed();
}
