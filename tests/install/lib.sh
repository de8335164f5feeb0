# SPDX-License-Identifier: MIT
# Sourced by the tests of the installed copy: installs into a folder of its
# own, which is gone at the end, and puts the README's first program there.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cmake --install "$WEIR_BUILD" --prefix "$prefix" >"$work/install.log" || {
    cat "$work/install.log"
    exit 1
}
libdir=$(dirname "$(find "$prefix" -name libweir.a)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"

sed -n '/^```c$/,/^```$/p' "$WEIR_SOURCE/README.md" | grep -v '^```' \
    >"$work/first.c"

# The program prints the squares that its text promises.
must_print_squares() {
    "$1" >"$work/out"
    printf '%s\n' 1 4 9 16 25 | cmp - "$work/out"
    echo "ok - $(basename "$1")"
}
