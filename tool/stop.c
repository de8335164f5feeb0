/* SPDX-License-Identifier: MIT */
#include "stop.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

/* How long what has been broken off may take to come to its end. */
#define LAST_WAIT (3 * WEIR_SECOND)

static _Noreturn void end_at_once(struct stop *s, int sig)
{
    s->at_once(s->arg);
    _exit(128 + sig);
}

/* A signal, or 0 when the deadline came first, or WEIR_CLOSED. */
static int next_event(struct stop *s, int64_t deadline)
{
    int sig = 0;
    weir_ctx limit;
    weir_ctx_init_deadline(&limit, NULL, deadline);
    int code = weir_chan_recv(s->signals, &sig, &limit);
    weir_ctx_fini(&limit);
    if (code == WEIR_TIMEDOUT)
        return 0;
    return code ? WEIR_CLOSED : sig;
}

static void watch(void *arg)
{
    struct stop *s = arg;
    int64_t deadline = WEIR_FOREVER;
    for (int sig; (sig = next_event(s, deadline)) != WEIR_CLOSED;) {
        if (sig == SIGUSR1) {
            s->snapshot(s->arg);
        } else if (sig != 0 && s->signal == 0) {
            s->signal = sig;
            weir_ctx_cancel(&s->input, 0);
            report_now("SIG%s: finishing what was read; a second signal "
                       "ends at once",
                       sigabbrev_np(sig));
            deadline = weir_now() + s->grace;
        } else if (sig != 0) {
            end_at_once(s, sig);
        } else if (!weir_ctx_err(&s->work)) {
            weir_ctx_cancel(&s->work, 0);
            deadline = weir_now() + LAST_WAIT;
        } else {
            end_at_once(s, s->signal);
        }
    }
    weir_chan_unref(s->signals);
}

int stop_start(struct stop *s, int64_t grace, void (*snapshot)(void *),
               void (*at_once)(void *), void *arg)
{
    *s = (struct stop){
        .grace = grace, .snapshot = snapshot, .at_once = at_once, .arg = arg};
    weir_ctx_init(&s->work, NULL);
    weir_ctx_init(&s->begin, &s->work);
    weir_ctx_init(&s->input, &s->begin);
    s->signals = weir_signal_chan(SIGINT, SIGTERM, SIGHUP, SIGUSR1, 0);
    if (!s->signals)
        return WEIR_ENOMEM;
    weir_chan_ref(s->signals);
    return weir_wg_go(&s->watcher, watch, s);
}

void stop_finish(struct stop *s)
{
    weir_signal_stop(s->signals);
    weir_wg_wait(&s->watcher, NULL);
    weir_ctx_fini(&s->input);
    weir_ctx_fini(&s->begin);
    weir_ctx_fini(&s->work);
}
