/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include <string.h>
#include <time.h>
#include <weir.h>

#include "units.h"

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * WEIR_SECOND + now.tv_nsec;
}

/* A date, with or without a time, in the zone that its end names. */
static bool parse_date(const char *text, int64_t *ns)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S",
                                          "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                          "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *rest = strptime(text, formats[i], &tm);
        if (!rest || (*rest && strcmp(rest, "Z") != 0))
            continue;
        const int day = tm.tm_mday;
        time_t seconds = *rest ? timegm(&tm) : mktime(&tm);
        if (tm.tm_mday != day) /* no such day: it was taken for a later one */
            return false;
        if (seconds < 0 || seconds > INT64_MAX / WEIR_SECOND)
            return false;
        *ns = seconds * WEIR_SECOND;
        return true;
    }
    return false;
}

static bool parse_time(const char *text, int64_t *ns)
{
    int64_t ago;
    if (text[0] == '@')
        return units_duration(text + 1, ns);
    if (!units_duration(text, &ago))
        return parse_date(text, ns);
    *ns = wall_clock() - ago;
    return *ns >= 0;
}

bool moment_parse(const char *text, weir_sub_opts *o)
{
    bool number = text[0] && strspn(text, "0123456789") == strlen(text);
    if (strcmp(text, "begin") == 0)
        o->from = WEIR_FROM_BEGIN;
    else if (strcmp(text, "end") == 0)
        o->from = WEIR_FROM_END;
    else if (number)
        o->from = WEIR_FROM_SEQ;
    else
        o->from = WEIR_FROM_TIME;
    if (o->from == WEIR_FROM_SEQ)
        return units_count(text, &o->seq);
    return o->from != WEIR_FROM_TIME || parse_time(text, &o->time);
}
