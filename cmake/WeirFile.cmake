# SPDX-License-Identifier: MIT
# libweir-file, the engine `file`: a library of its own, shared and static, so
# that libweir needs nothing but libc. The shared one is loaded by the shared
# libweir, and has what it needs from there.
set(weir_file_map ${PROJECT_SOURCE_DIR}/src/engine/file/libweir-file.map)
file(GLOB weir_file_sources CONFIGURE_DEPENDS src/engine/file/*.c)

add_library(weir_file_objects OBJECT ${weir_file_sources})
set_target_properties(weir_file_objects PROPERTIES
  POSITION_INDEPENDENT_CODE ON
  C_VISIBILITY_PRESET hidden)
target_include_directories(weir_file_objects PRIVATE
  ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(weir_file_objects PRIVATE
  _GNU_SOURCE
  $<$<BOOL:${WEIR_DEBUG}>:WEIR_DEBUG=1>)
target_link_libraries(weir_file_objects PRIVATE
  weir_warnings PkgConfig::SQLITE3 Threads::Threads)

add_library(weir_file SHARED $<TARGET_OBJECTS:weir_file_objects>)
set_target_properties(weir_file PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  EXPORT_NAME file
  LINKER_LANGUAGE C
  LINK_DEPENDS ${weir_file_map}
  # Beside libweir, in the build and installed.
  INSTALL_RPATH "$ORIGIN"
  BUILD_WITH_INSTALL_RPATH ON)
target_link_options(weir_file PRIVATE -Wl,--version-script=${weir_file_map})
if(NOT WEIR_SANITIZE)
  target_link_options(weir_file PRIVATE -Wl,--no-undefined)
endif()
target_link_libraries(weir_file
  PUBLIC weir_shared
  PRIVATE PkgConfig::SQLITE3)

add_library(weir_file_static STATIC $<TARGET_OBJECTS:weir_file_objects>)
set_target_properties(weir_file_static PROPERTIES
  EXPORT_NAME file_static
  LINKER_LANGUAGE C)
target_link_libraries(weir_file_static
  PUBLIC weir_static
  PRIVATE $<BUILD_INTERFACE:PkgConfig::SQLITE3>
  INTERFACE $<INSTALL_INTERFACE:sqlite3>)

set_target_properties(weir_file weir_file_static PROPERTIES
  OUTPUT_NAME weir-file)
add_library(weir::file ALIAS weir_file)
add_library(weir::file_static ALIAS weir_file_static)
