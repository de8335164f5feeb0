#!/bin/sh
# SPDX-License-Identifier: MIT
# A program is built against the installed copy by pkg-config, with the shared
# library and with the static one, as strict C11 and as C++.
. "$(dirname "$0")/lib.sh"
cd "$work"

version=$(awk '/^#define WEIR_VERSION_/ { v = v dot $3; dot = "." }
    END { print v }' "$prefix/include/weir/base.h")
[ "$(pkg-config --modversion weir)" = "$version" ]

cflags="$(pkg-config --cflags weir) -Wall -Wextra -Wpedantic -Werror"
# shellcheck disable=SC2046,SC2086 # flags are words
{
    cc -std=c11 $cflags first.c $(pkg-config --libs weir) -o shared
    cc -std=c11 $cflags first.c "$libdir/libweir.a" -pthread -o static
}
must_print_squares ./shared
must_print_squares ./static

if command -v c++ >/dev/null; then
    sed 's/(out\([,)]\)/(static_cast<numbers *>(out)\1/' first.c >first.cc
    # shellcheck disable=SC2046,SC2086
    c++ -std=c++11 $cflags first.cc $(pkg-config --libs weir) -o plusplus
    must_print_squares ./plusplus
fi
