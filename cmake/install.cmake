# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs the headers and a package that `find_package(ashlar)` finds.
include(CMakePackageConfigHelpers)

set(ashlar_package_dir share/cmake/ashlar)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ashlar" DESTINATION include FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/ashlar)
install(TARGETS ashlar EXPORT ashlar-targets)
install(EXPORT ashlar-targets NAMESPACE ashlar:: FILE ashlar-config.cmake DESTINATION ${ashlar_package_dir})

# Headers only: one package serves every architecture.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ashlar-config-version.cmake"
    COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/ashlar-config-version.cmake" DESTINATION ${ashlar_package_dir})
