#!/bin/sh
# SPDX-License-Identifier: MIT
# Engines that are shared libraries: found beside libweir, refused when they
# are not engines for it, or bring a libweir of their own.
set -eu
export LC_ALL=C

libs=$(dirname "$(find "$WEIR_BUILD" -maxdepth 2 -name 'libweir.so' | head -1)")
if grep -q -e '^WEIR_SANITIZE:[A-Z]*=.' -e '^WEIR_COVERAGE:BOOL=ON' \
    "$WEIR_BUILD/CMakeCache.txt"; then
    echo "skipped: a sanitizer, or gcov, would have to be linked to all of it"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
major=$(sed -n 's/^#define WEIR_VERSION_MAJOR //p' \
    "$WEIR_SOURCE/include/weir/base.h")
cp -P "$libs"/libweir.so* "$work"
cc="${CC:-cc} -std=gnu11 -I$WEIR_SOURCE/include"

# An engine with all calls, of which none is called but pub_open.
cat >"$work/engine.c" <<'END'
#include <string.h>
#include <weir/engine.h>
static int no(void)
{
    return WEIR_BUSY;
}
#define NO (void *)no
static weir_engine engine = {
    sizeof(weir_engine), {.engine = NAME}, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO};
const weir_engine *FUNCTION(void);
const weir_engine *FUNCTION(void)
{
    BODY
    return &engine;
}
INIT
END
engine() { # SCHEME [OPTIONS]
    scheme=$1
    shift
    $cc -w -shared -fPIC -o "$work/libweir-$scheme.so.$major" "$work/engine.c" \
        -DNAME="\"$scheme\"" "$@"
}
linked="-L$work -Wl,--no-as-needed -lweir -Wl,-rpath,$work"
engine good -DFUNCTION=weir_good_engine -DBODY= -DINIT= $linked
engine alone -DFUNCTION=weir_alone_engine -DBODY= -DINIT=
engine none -DFUNCTION=weir_other_engine -DBODY= -DINIT= $linked
engine old -DFUNCTION=weir_old_engine -DBODY='engine.size = 100;' -DINIT= \
    $linked
engine null -DFUNCTION=weir_null_engine -DBODY='return 0;' -DINIT= $linked
engine name -DFUNCTION=weir_name_engine -DINIT= \
    -DBODY='engine.caps.engine = "other";' $linked
engine early -DFUNCTION=weir_early_engine -DBODY= $linked -DINIT='
    __attribute__((constructor)) static void init(void)
    { weir_engine_register(&engine); }'
echo "no library" >"$work/libweir-text.so.$major"

cat >"$work/find.c" <<'END'
#include <stdio.h>
#include <string.h>
#include <weir.h>
static int find(void *arg)
{
    const weir_engine *e, *again;
    weir_why why;
    int err = weir_engine_find(&e, arg, &why);
    if (err == 0 && (weir_engine_find(&again, arg, NULL) || again != e ||
                     strcmp(e->caps.engine, arg) != 0))
        return 1;
    printf("%s %s\n", weir_errname(err), why.text);
    return 0;
}
int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= i % 2 ? weir_run(find, argv[i]) : find(argv[i]);
    return failed;
}
END
$cc -o "$work/find" "$work/find.c" $linked
$cc -o "$work/find_static" "$work/find.c" "$libs/libweir.a" -pthread

expect() { # PROGRAM SCHEME WORD...: a line of the output has each of them
    program=$1 scheme=$2
    shift 2
    LD_LIBRARY_PATH=${path:-} "$work/$program" "$scheme" >"$work/out"
    for word; do
        grep -q -e "$word" "$work/out" || {
            echo "not ok - $program $scheme: no '$word' in: $(cat "$work/out")"
            exit 1
        }
    done
    echo "ok - $program $scheme"
}
expect find good '^WEIR_OK $'
expect find alone '^WEIR_OK $'
expect find early '^WEIR_OK $'
expect find none '^WEIR_EINVAL' 'has no function weir_none_engine'
expect find old '^WEIR_EINVAL' 'is not one for libweir'
expect find null '^WEIR_EINVAL' 'is not one for libweir'
expect find name '^WEIR_EINVAL' 'is not one for libweir'
expect find text '^ENOENT' "libweir-text.so.$major"
expect find nosuch '^ENOENT' "libweir-nosuch.so.$major" 'beside libweir'
"$work/find" good good alone none >/dev/null # tasks and threads, again

# Statically linked, it looks where the loader does.
path=$work
expect find_static alone '^WEIR_OK $'
expect find_static good '^WEIR_EINVAL' 'linked with the static one' \
    'link libweir-good.a' 'weir_engine_register(weir_good_engine())'
expect find_static nosuch '^ENOENT'
