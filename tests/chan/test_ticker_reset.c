/* SPDX-License-Identifier: MIT */
/* After a reset of its period a ticker gives no tick of the old one, also when
 * that was just on its way. */
#include <weir/time.h>
#include "parties.h"

static void spin(int turns)
{
    for (volatile int i = 0; i < turns; i++) {
    }
}

BEHAVIOUR(no_tick_of_the_old_period)
{
    const int rounds = check_scale(3000);
    int i;

    for (i = 0; i < rounds; i++) {
        weir_ticker *t = weir_ticker_new(20 * WEIR_MICROSECOND);
        must(t != NULL);
        spin(i * 7 % 20000);
        must_eq(weir_ticker_reset(t, WEIR_FOREVER), 0);
        spin(2000);
        must_eq(weir_chan_len(weir_ticker_chan(t)), 0);
        weir_ticker_free(t);
    }
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(no_tick_of_the_old_period))
