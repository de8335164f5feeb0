/* SPDX-License-Identifier: MIT */
/* When to try again: by a back-off, by a breaker, or as the user says. The
 * retrying sink asks and reports one at a time, so nothing here is locked. */
#include "event/retry.h"

#include <weir/time.h>

#define DEFAULT_OPEN_FOR (5 * WEIR_SECOND) /* as weir_breaker_opts has it */

/* ---- a back-off ---------------------------------------------------------- */

static int64_t backoff_proceed(weir_event *e, bool waited, void *arg)
{
    struct wr_strategy *s = arg;
    (void)e;
    return waited ? 0 : weir_backoff_delay(&s->backoff);
}

static bool backoff_failure(weir_event *e, int code, void *arg)
{
    struct wr_strategy *s = arg;
    (void)e, (void)code;
    weir_backoff_failure(&s->backoff);
    return false;
}

static void backoff_success(weir_event *e, void *arg)
{
    struct wr_strategy *s = arg;
    (void)e;
    weir_backoff_success(&s->backoff);
}

/* ---- a breaker ----------------------------------------------------------- */

/* While it is open, the rest of its time; `opened` is never before the
 * breaker's own instant, so it is over then. At least 1, as a clock of the
 * user's may stand still. */
static int64_t breaker_proceed(weir_event *e, bool waited, void *arg)
{
    struct wr_strategy *s = arg;
    (void)e, (void)waited;
    if (weir_breaker_allow(&s->breaker, &s->pass) == 0)
        return 0;
    const int64_t left = s->opened + s->open_for - s->now();
    return left > 0 ? left : 1;
}

static bool breaker_failure(weir_event *e, int code, void *arg)
{
    struct wr_strategy *s = arg;
    (void)e, (void)code;
    weir_breaker_failure(&s->breaker, s->pass);
    s->opened = s->now();
    return false;
}

static void breaker_success(weir_event *e, void *arg)
{
    struct wr_strategy *s = arg;
    (void)e;
    weir_breaker_success(&s->breaker, s->pass);
}

static int init_breaker(struct wr_strategy *s, weir_breaker_opts o)
{
    o.probes = 1; /* there is one try at a time */
    s->open_for = o.open_for ? o.open_for : DEFAULT_OPEN_FOR;
    s->now = o.now ? o.now : weir_now;
    s->way = (weir_retry_strategy){breaker_proceed, breaker_failure,
                                   breaker_success, s};
    return weir_breaker_init(&s->breaker, &o);
}

int wr_strategy_init(struct wr_strategy *s, const weir_retry_opts *o)
{
    if (o->strategy && o->breaker)
        return WEIR_EINVAL;
    if (o->breaker)
        return init_breaker(s, *o->breaker);
    s->way = o->strategy
                 ? *o->strategy
                 : (weir_retry_strategy){backoff_proceed, backoff_failure,
                                         backoff_success, s};
    return weir_backoff_init(&s->backoff, &o->backoff);
}
