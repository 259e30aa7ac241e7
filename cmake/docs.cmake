# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# `docs`: reference pages in <build>/docs/html, where Doxygen is found. What it warns of is an error.
find_package(Doxygen QUIET)
if(DOXYGEN_FOUND)
    set(ASHLAR_DOCS_DIR "${PROJECT_BINARY_DIR}/docs")
    file(MAKE_DIRECTORY "${ASHLAR_DOCS_DIR}")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/Doxyfile.in" "${ASHLAR_DOCS_DIR}/Doxyfile" @ONLY)
    add_custom_target(docs COMMAND "${DOXYGEN_EXECUTABLE}" "${ASHLAR_DOCS_DIR}/Doxyfile"
        WORKING_DIRECTORY "${ASHLAR_DOCS_DIR}" COMMENT "Reference pages: ${ASHLAR_DOCS_DIR}/html/index.html" VERBATIM)
endif()
