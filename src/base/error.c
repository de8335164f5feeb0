/* SPDX-License-Identifier: MIT */
/* What each code is called and what it means. */
#include <string.h>
#include <weir/base.h>

struct code {
    int value;
    const char *name;
    const char *text;
};

static const struct code codes[] = {
    {WEIR_OK, "WEIR_OK", "success"},
    {WEIR_EINVAL, "WEIR_EINVAL", "invalid argument"},
    {WEIR_ENOMEM, "WEIR_ENOMEM", "out of memory, mappings or threads"},
    {WEIR_CLOSED, "WEIR_CLOSED", "closed"},
    {WEIR_FULL, "WEIR_FULL", "channel is full"},
    {WEIR_EMPTY, "WEIR_EMPTY", "nothing is ready"},
    {WEIR_TIMEDOUT, "WEIR_TIMEDOUT", "deadline passed"},
    {WEIR_CANCELED, "WEIR_CANCELED", "cancelled"},
    {WEIR_BUSY, "WEIR_BUSY", "held by another"},
    {WEIR_DEADLOCK, "WEIR_DEADLOCK", "all tasks are asleep"},
    {WEIR_FORKED, "WEIR_FORKED", "the runtime does not live on after a fork"},
    {WEIR_STOPPED, "WEIR_STOPPED", "the runtime is stopping"},
    {WEIR_LIMIT, "WEIR_LIMIT", "a configured limit is reached"},
    {WEIR_UNSUPPORTED, "WEIR_UNSUPPORTED", "not supported by this object"},
    {WEIR_LAGGED, "WEIR_LAGGED", "reader fell behind what is kept"},
    {WEIR_REMOVING, "WEIR_REMOVING", "being removed"},
    {WEIR_EXPIRED, "WEIR_EXPIRED", "too late: it was given to another"},
    {WEIR_INCOMPLETE, "WEIR_INCOMPLETE", "a file whose writing was cut off"},
    {WEIR_CORRUPT, "WEIR_CORRUPT", "damaged, or a file of another kind"},
    {WEIR_TERM, "WEIR_TERM", "nobody can handle it"},
};

static const struct code *find(int value)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].value == value)
            return &codes[i];
    return NULL;
}

const char *weir_strerror(int code)
{
    const struct code *c = find(code);
    if (c)
        return c->text;
    const char *system = code < 0 ? strerrordesc_np(-code) : NULL;
    return system ? system : "unknown code";
}

const char *weir_errname(int code)
{
    const struct code *c = find(code);
    if (c)
        return c->name;
    const char *system = code < 0 ? strerrorname_np(-code) : NULL;
    return system ? system : "WEIR_UNKNOWN";
}

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *weir_version(void)
{
    return TEXT(WEIR_VERSION_MAJOR) "." TEXT(WEIR_VERSION_MINOR) "." TEXT(
        WEIR_VERSION_PATCH);
}
