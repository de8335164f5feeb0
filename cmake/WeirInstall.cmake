# SPDX-License-Identifier: MIT
# make install: headers, libraries, tool, man pages, the debugger's script, and
# the two ways to find them: pkg-config and find_package(weir).
include(CMakePackageConfigHelpers)
set(weir_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weir)

set(weir_libraries weir_shared weir_static)
if(WEIR_FILE)
  list(APPEND weir_libraries weir_file weir_file_static)
endif()
install(TARGETS ${weir_libraries} EXPORT weirTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h"
  PATTERN "file.h" EXCLUDE)
if(WEIR_FILE)
  install(FILES include/weir/file.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weir)
endif()
if(WEIR_TOOL)
  install(TARGETS weir_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

foreach(section 1 3 7)
  file(GLOB pages CONFIGURE_DEPENDS man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES gdb/weir-gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/weir
  OPTIONAL)

# Relative to the .pc file's own place, so that a moved tree still works.
file(RELATIVE_PATH weir_pc_to_prefix
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/weir.pc.in weir.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weir.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(WEIR_FILE)
  configure_file(cmake/weir-file.pc.in weir-file.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/weir-file.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

configure_package_config_file(cmake/weirConfig.cmake.in weirConfig.cmake
  INSTALL_DESTINATION ${weir_cmake_dir})
write_basic_package_version_file(weirConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/weirConfig.cmake
  ${PROJECT_BINARY_DIR}/weirConfigVersion.cmake
  DESTINATION ${weir_cmake_dir})
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION ${weir_cmake_dir})
