#!/bin/sh
# SPDX-License-Identifier: MIT
# What leaves the libraries: weir_* alone from the shared one, beside it only
# wr_* from the static one; the SONAME has the major version; no executable
# stack.
. "$(dirname "$0")/lib.sh"

shared=$libdir/libweir.so
major=$(sed -n 's/^#define WEIR_VERSION_MAJOR //p' \
    "$prefix/include/weir/base.h")

names() { # NM-OPTIONS FILE
    nm -g --defined-only "$@" 2>/dev/null |
        awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | sort -u
}
refuse() { # WHAT: fails when there is something to read
    if grep .; then
        echo "not ok - no $1"
        exit 1
    fi
    echo "ok - no $1"
}

names -D "$shared" | grep -q '^weir_go$'
names -D "$shared" | grep -v '^WEIR_0$' | grep -v '^weir_' |
    refuse "foreign name leaves libweir.so"
# A debug build's stands before the C library's mutexes.
names "$libdir/libweir.a" | grep -v -e '^weir_' -e '^wr_' \
    -e '^pthread_mutex_[a-z]*lock$' |
    refuse "foreign name is global in libweir.a"
readelf -d "$shared" | grep -q "SONAME.*\[libweir\.so\.$major\]"
echo "ok - the SONAME has the major version"
readelf -lW "$shared" | grep GNU_STACK | grep RWE | refuse "executable stack"
