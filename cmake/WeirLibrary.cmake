# SPDX-License-Identifier: MIT
# libweir, shared and static, from one set of objects. Only weir_* leaves the
# shared library: hidden visibility for what the headers do not mark, and a
# version script for what assembly or a missing attribute would let through.
include(CheckIncludeFile)
if(NOT WR_HAVE_VALGRIND)
  unset(WR_HAVE_VALGRIND CACHE) # it may have been installed since
endif()
check_include_file(valgrind/valgrind.h WR_HAVE_VALGRIND)

file(GLOB_RECURSE weir_sources CONFIGURE_DEPENDS src/*.c src/*.S)
list(FILTER weir_sources EXCLUDE REGEX "/src/engine/") # libraries of their own
set(weir_version_script ${PROJECT_SOURCE_DIR}/src/libweir.map)

add_library(weir_objects OBJECT ${weir_sources})
set_target_properties(weir_objects PROPERTIES
  POSITION_INDEPENDENT_CODE ON
  C_VISIBILITY_PRESET hidden)
target_include_directories(weir_objects
  PUBLIC ${PROJECT_SOURCE_DIR}/include
  PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(weir_objects PRIVATE
  _GNU_SOURCE
  $<$<BOOL:${WR_HAVE_VALGRIND}>:WR_HAVE_VALGRIND=1>
  $<$<BOOL:${WEIR_UCONTEXT}>:WR_UCONTEXT=1>
  $<$<BOOL:${WEIR_DEBUG}>:WEIR_DEBUG=1>)
# Calls between our own files neither go through the PLT nor can be replaced
# from outside.
target_compile_options(weir_objects PRIVATE
  $<$<COMPILE_LANGUAGE:C>:-fno-plt -fno-semantic-interposition>)
target_link_libraries(weir_objects PRIVATE weir_warnings Threads::Threads)

add_library(weir_shared SHARED $<TARGET_OBJECTS:weir_objects>)
set_target_properties(weir_shared PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  EXPORT_NAME weir
  LINKER_LANGUAGE C
  # Engines are looked for beside it.
  INSTALL_RPATH "$ORIGIN"
  BUILD_WITH_INSTALL_RPATH ON
  LINK_DEPENDS ${weir_version_script})
target_link_options(weir_shared PRIVATE
  -Wl,--version-script=${weir_version_script} -Wl,-Bsymbolic-functions)
if(NOT WEIR_SANITIZE)
  target_link_options(weir_shared PRIVATE -Wl,--no-undefined)
endif()

add_library(weir_static STATIC $<TARGET_OBJECTS:weir_objects>)
set_target_properties(weir_static PROPERTIES
  EXPORT_NAME static
  LINKER_LANGUAGE C)

foreach(target weir_shared weir_static)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME weir)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PUBLIC Threads::Threads)
endforeach()

add_library(weir::weir ALIAS weir_shared)
add_library(weir::static ALIAS weir_static)
