/* SPDX-License-Identifier: MIT */
/* Publishes to a file and gets it back; with STATIC it says first that the
 * engine is there. argv[1] is a URL. */
#include <stdio.h>
#include <weir.h>
#if defined(STATIC)
#include <weir/file.h>
#endif

static int say(const char *what, const weir_why *why)
{
    fprintf(stderr, "%s: %s\n", what, why->text);
    return 1;
}

int main(int argc, char **argv)
{
    weir_pub *p;
    weir_sub *s;
    weir_message *m;
    weir_why why;
    if (argc != 2)
        return 2;
#if defined(STATIC)
    if (weir_engine_register(weir_file_engine()) != 0)
        return 1;
#endif
    if (weir_pub_open(&p, argv[1], &why) != 0)
        return say("weir_pub_open", &why);
    if (weir_sub_open(&s, argv[1], NULL, &why) != 0)
        return say("weir_sub_open", &why);
    if (weir_pub_publish(p, NULL, NULL, NULL) != 0)
        return 1;
    if (weir_sub_recv(s, &m, NULL) != 0 || weir_message_ack(m, NULL) != 0)
        return 1;
    printf("%lu\n", (unsigned long)m->seq);
    weir_message_free(m);
    weir_sub_free(s);
    weir_pub_free(p);
    return 0;
}
