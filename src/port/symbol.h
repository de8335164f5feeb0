/* SPDX-License-Identifier: MIT */
/* The name of a place in the code. */
#ifndef WR_PORT_SYMBOL_H
#define WR_PORT_SYMBOL_H

#include <stddef.h>

enum { WR_SYMBOL_MAX = 96 };

/*
 * Writes "function+0x1c"; where no symbol covers the address, "file+0x2f31"
 * as addr2line takes it; else the bare address. Static functions are found
 * too, unless the file is stripped. Async-signal-safe and takes no lock of
 * the dynamic loader; the price is a look at the process's mappings and one
 * pass over the file's symbols, so ask once for each place.
 */
void wr_symbol(const void *address, char *out, size_t size);

#endif
