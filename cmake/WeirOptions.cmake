# SPDX-License-Identifier: MIT
# What can be chosen at configure time, and the flags that follow from it.

find_package(Threads REQUIRED)
find_package(PkgConfig)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(JANSSON IMPORTED_TARGET jansson>=2.13)
  pkg_check_modules(CHECK IMPORTED_TARGET check>=0.15)
  # 3.37 has STRICT tables.
  pkg_check_modules(SQLITE3 IMPORTED_TARGET sqlite3>=3.37)
endif()

# What is not asked for is built when its parts are there.
option(WEIR_TOOL "Build the weir command (needs jansson)" "${JANSSON_FOUND}")
option(WEIR_FILE "Build the engine `file` (needs SQLite)" "${SQLITE3_FOUND}")
option(WEIR_TESTS "Build the tests (needs Check)" "${CHECK_FOUND}")
option(WEIR_EXAMPLES "Build the examples" "${PROJECT_IS_TOP_LEVEL}")
option(WEIR_BENCH "Build the benchmark" OFF)
option(WEIR_DEBUG "Check invariants and report misuse at run time" OFF)
option(WEIR_UCONTEXT "Switch by ucontext, as on processors without a .S file" OFF)
option(WEIR_WERROR "Warnings are errors" OFF)
option(WEIR_COVERAGE "Instrument for gcov" OFF)
set(WEIR_SANITIZE "" CACHE STRING
  "address, undefined, address,undefined or thread")
set_property(CACHE WEIR_SANITIZE PROPERTY STRINGS
  "" address undefined "address,undefined" thread)

if(WEIR_TOOL AND NOT JANSSON_FOUND)
  message(FATAL_ERROR "The weir command needs jansson 2.13 or later "
    "(Debian: libjansson-dev) and pkg-config. Or say -DWEIR_TOOL=OFF.")
endif()
if(WEIR_FILE AND NOT SQLITE3_FOUND)
  message(FATAL_ERROR "The engine `file` needs SQLite 3.37 or later "
    "(Debian: libsqlite3-dev) and pkg-config. Or say -DWEIR_FILE=OFF.")
endif()
if(WEIR_TESTS AND NOT CHECK_FOUND)
  message(FATAL_ERROR "The tests need Check 0.15 or later (Debian: check) "
    "and pkg-config. Or say -DWEIR_TESTS=OFF.")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)

# For code of this project only: those who link to it choose for themselves.
add_library(weir_warnings INTERFACE)
target_compile_options(weir_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion>
  $<$<BOOL:${WEIR_WERROR}>:-Werror>)

# Profilers and the task dump of a debugger follow frame pointers.
add_compile_options(-fno-omit-frame-pointer)

if(WEIR_SANITIZE)
  add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WEIR_SANITIZE})
endif()
if(WEIR_COVERAGE)
  add_compile_definitions(WR_COVERAGE=1)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
