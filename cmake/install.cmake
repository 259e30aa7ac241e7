# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs the headers, a package that `find_package(ashlar)` finds, one for pkg-config, and gdb's pretty-printers.
# All of it is relative: the installed tree may be moved.
include(CMakePackageConfigHelpers)

set(ashlar_package_dir share/cmake/ashlar)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ashlar" DESTINATION include FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/ashlar)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/gdb/ashlar.py" DESTINATION share/ashlar/gdb)
install(TARGETS ashlar EXPORT ashlar-targets)
install(EXPORT ashlar-targets NAMESPACE ashlar:: FILE ashlar-config.cmake DESTINATION ${ashlar_package_dir})

# Headers only: one package serves every architecture.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ashlar-config-version.cmake"
    COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/ashlar-config-version.cmake" DESTINATION ${ashlar_package_dir})

configure_file("${PROJECT_SOURCE_DIR}/cmake/ashlar.pc.in" "${PROJECT_BINARY_DIR}/ashlar.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ashlar.pc" DESTINATION share/pkgconfig)
