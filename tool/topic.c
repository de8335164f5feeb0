/* SPDX-License-Identifier: MIT */
#include "topic.h"

#include <errno.h>
#include <weir/engine.h>

#include "report.h"
#include "tool.h"

int topic_failed(const char *url, int code, const weir_why *why)
{
    if (why->text[0])
        report("%s", why->text);
    else
        report("cannot open %s: %s", url, weir_strerror(code));
    return code == WEIR_EINVAL || code == WEIR_UNSUPPORTED ? EXIT_USAGE
                                                           : EXIT_FAILED;
}

static int check_engine(const char *url, const weir_engine *e)
{
    if (e->caps.shared || e->caps.durable)
        return EXIT_WELL;
    report("cannot open %s: its messages never leave a process, and no other "
           "command would see them; another kind of topic, such as "
           "file:PATH, is for that",
           url);
    return EXIT_USAGE;
}

int topic_check(const char *url)
{
    const weir_engine *engine = NULL;
    weir_url *parsed = NULL;
    weir_why why = {""};
    int code = weir_url_parse(&parsed, url, &why);
    if (!code)
        code = weir_engine_find(&engine, parsed->scheme, &why);
    weir_url_free(parsed);
    if (code) /* a scheme that nobody has is as wrong as one that cannot be */
        return topic_failed(url, code == -ENOENT ? WEIR_EINVAL : code, &why);
    return check_engine(url, engine);
}
