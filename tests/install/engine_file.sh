#!/bin/sh
# SPDX-License-Identifier: MIT
# The installed engine `file`: loaded by the shared library, which finds it
# beside itself, and linked statically; found by pkg-config and find_package.
. "$(dirname "$0")/lib.sh"
if [ ! -e "$libdir/libweir-file.so" ]; then
    echo "skip - this build has no engine file"
    exit 77
fi
unset LD_LIBRARY_PATH
here=$(dirname "$0")
cp "$here/engine.c" "$work"
cd "$work"

# publishes NAME PROGRAM...: a message into a new file, and back.
publishes() {
    name=$1
    shift
    rm -f t.db
    [ "$("$@" file:t.db)" = 1 ]
    [ ! -e t.db-wal ]
    echo "ok - $name"
}

cc_strict() {
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror engine.c "$@"
}

# shellcheck disable=SC2046 # flags are words
{
    cc_strict $(pkg-config --cflags --libs weir) -Wl,-rpath,"$libdir" -o shared
    cc_strict $(pkg-config --cflags --libs weir-file) -Wl,-rpath,"$libdir" \
        -o linked
    cc_strict -DSTATIC $(pkg-config --cflags weir-file) \
        "$libdir/libweir-file.a" "$libdir/libweir.a" \
        $(pkg-config --libs sqlite3) -pthread -o static
}
publishes "pkg-config weir: the engine is loaded" ./shared
publishes "pkg-config weir-file" ./linked
publishes "libweir-file.a" ./static
pkg-config --static --libs weir-file | grep -q -e -lsqlite3
echo "ok - pkg-config --static weir-file names SQLite"

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(engine C)
find_package(weir 0.1 REQUIRED COMPONENTS file)
add_executable(found engine.c)
target_link_libraries(found weir::file)
add_executable(found_static engine.c)
target_compile_definitions(found_static PRIVATE STATIC)
target_link_libraries(found_static weir::file_static)
END
{
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" && cmake --build build
} >build.log 2>&1 || {
    cat build.log
    exit 1
}
publishes "find_package: weir::file" build/found
publishes "find_package: weir::file_static" build/found_static

# ---- a tree that moved -------------------------------------------------------

mv "$prefix" "$work/moved"
moved=$work/moved/${libdir#"$prefix"/}
publishes "a tree that moved" env LD_LIBRARY_PATH="$moved" ./shared
if [ -x "$work/moved/bin/weir" ]; then
    "$work/moved/bin/weir" --version >/dev/null
    echo "ok - the tool finds the library in a tree that moved"
fi

# ---- symbols -----------------------------------------------------------------

shared=$moved/libweir-file.so
nm -D --defined-only "$shared" | awk '{ sub(/@.*/, "", $3); print $3 }' |
    grep -v '^WEIR_FILE_0$' >names
echo weir_file_engine | cmp - names
echo "ok - nothing but weir_file_engine leaves libweir-file.so"
if nm -g --defined-only "$moved/libweir-file.a" 2>/dev/null |
    awk 'NF == 3 { print $3 }' | grep -v -e '^weir_file_engine$' -e '^wr_'; then
    echo "not ok - a foreign name is global in libweir-file.a"
    exit 1
fi
echo "ok - no foreign name is global in libweir-file.a"
readelf -d "$shared" | grep -q 'SONAME.*\[libweir-file\.so\.0\]'
echo "ok - the SONAME has the major version"
readelf -lW "$shared" | grep GNU_STACK | grep -q RWE && exit 1
echo "ok - no executable stack"
