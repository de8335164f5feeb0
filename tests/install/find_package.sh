#!/bin/sh
# SPDX-License-Identifier: MIT
# A program is built against the installed copy by find_package, with the
# shared library and with the static one.
. "$(dirname "$0")/lib.sh"

cat >"$work/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(first C)
find_package(weir 0.1 REQUIRED)
add_executable(shared first.c)
target_link_libraries(shared weir::weir)
add_executable(static first.c)
target_link_libraries(static weir::static)
END
{
    cmake -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build "$work/build"
} >"$work/build.log" 2>&1 || {
    cat "$work/build.log"
    exit 1
}
must_print_squares "$work/build/shared"
must_print_squares "$work/build/static"
