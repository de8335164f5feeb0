# SPDX-License-Identifier: MIT
# The version has one home, include/weir/base.h. Sets WEIR_VERSION.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../include/weir/base.h version_lines
  REGEX "^#define WEIR_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX MATCHALL "[0-9]+" version_numbers "${version_lines}")
list(JOIN version_numbers "." WEIR_VERSION)
