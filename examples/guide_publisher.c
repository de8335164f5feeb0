/* SPDX-License-Identifier: MIT */
/*
 * A publisher that hides where its events go. Here they stay in the process;
 * with another URL as the argument, such as file:events.db, they go through a
 * file and survive it. Neither who publishes nor who works can tell.
 */
#include "must.h"

enum { EVENTS = 5 };

static void publish(weir_pub *to, const char *type, int number)
{
    char text[16];
    weir_event *e;

    snprintf(text, sizeof text, "%d", number);
    must(weir_event_new(&e, &(weir_event_opts){.type = type,
                                               .payload = text,
                                               .size = strlen(text)}));
    must(weir_pub_publish(to, e, NULL, NULL));
    weir_event_unref(e);
}

/* A worker. What it does not acknowledge it would get again; so it does the
 * first event twice. */
static void work(void *from)
{
    weir_message *m;

    for (int done = 0; done < EVENTS; weir_message_free(m)) {
        must(weir_sub_recv(from, &m, NULL));
        printf("%s %.*s, delivery %u\n", m->event->type, (int)m->event->size,
               (const char *)m->event->payload, m->deliveries);
        if (done == 0 && m->deliveries == 1)
            continue; /* freed as it is: given back */
        must(weir_message_ack(m, NULL));
        done++;
    }
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "mem:events";
    weir_wg workers = WEIR_WG_INIT;
    weir_why why;
    weir_pub *to;
    weir_sub *from;

    if (weir_pub_open(&to, url, &why) != 0) {
        fprintf(stderr, "%s\n", why.text);
        return EXIT_FAILURE;
    }
    /* One message at a time, so that they come in order here. */
    must(weir_sub_open(&from, url,
                       &(weir_sub_opts){.group = "workers", .max_in_flight = 1},
                       NULL));
    must(weir_wg_go(&workers, work, from));
    for (int i = 0; i < EVENTS; i++)
        publish(to, "created", i);

    must(weir_wg_wait(&workers, NULL));
    must(weir_pub_close(to, NULL));
    must(weir_sub_close(from, NULL));
    weir_pub_free(to);
    weir_sub_free(from);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
