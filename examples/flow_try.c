/* SPDX-License-Identifier: MIT */
/* Without waiting: the code says whether it went, and if not, why. */
#include "must.h"

WEIR_CHAN(words, const char *);

int main(void)
{
    words *c = made(words_new(2));
    const char *word;

    if (words_try_send(c, "hello") == 0)
        puts("TrySend succeeded");
    if (words_try_recv(c, &word) == 0)
        printf("TryReceive got: %s\n", word);
    if (words_try_recv(c, &word) == WEIR_EMPTY)
        puts("TryReceive failed: channel empty");

    words_unref(c);
    return printed();
}
