/* SPDX-License-Identifier: MIT */
#include "base/misuse.h"

#if defined(WEIR_DEBUG)

#include <stdio.h>

int wr_misuse(const char *call, const char *found)
{
    fprintf(stderr, "weir: %s refuses: %s\n", call, found);
    return WEIR_EINVAL;
}

#endif
