# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How a tests/<area>/CMakeLists.txt adds tests. A name begins with what it checks (law-, model-, vector-, unit-,
# interleaving-, fuzz-, compile-fail-, freestanding-, boot-, house-, remote-, mapped_device-); that word is also a
# label of the test.
# With -DASHLAR_LONG=ON, or ASHLAR_LONG=1 in ctest's environment, tests find ASHLAR_LONG=1 and run for longer.

option(ASHLAR_TESTS_ONCE "Also the tests which do not depend on compiler and build type" ON)
set(ASHLAR_TESTS_LABEL "" CACHE STRING "Only the test executables with this label")

set(ashlar_harness_dir "${CMAKE_CURRENT_LIST_DIR}")
find_program(ASHLAR_CLANGXX clang++)
find_package(Python3 3.9 QUIET COMPONENTS Interpreter)
if(NOT Python3_FOUND)
    message(FATAL_ERROR "The tests need python3 (3.9 or later). -DASHLAR_TESTS=OFF leaves them out.")
endif()

# What all tests share: labels, a time limit, the long switch; 77 means "left out, and the output says why".
function(ashlar_test_properties name)
    string(REGEX MATCH "^(law|fault|mutant|model|vector|unit|interleaving|fuzz|compile-fail|freestanding|boot|house|docs|remote|mapped_device)" kind "${name}")
    if(NOT kind)
        message(FATAL_ERROR "${name}: a test's name begins with what it checks")
    endif()
    set(labels ${kind} ${ARGN})
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" SKIP_RETURN_CODE 77 TIMEOUT 600)
    # Where ctest has no times of an earlier run: who takes long begins, so that all processors end together.
    if(name MATCHES "^(house|freestanding|mutant)-|^law-migration$")
        set_tests_properties(${name} PROPERTIES COST 30)
    elseif(kind MATCHES "fuzz|fault|interleaving|model|docs" OR name MATCHES "firmware-cut-off|-lab-|-bench-")
        set_tests_properties(${name} PROPERTIES COST 5)
    endif()
    if(ASHLAR_LONG)
        set_tests_properties(${name} PROPERTIES ENVIRONMENT "ASHLAR_LONG=1" TIMEOUT 7200)
    endif()
endfunction()

# ashlar_test(NAME law-radix SOURCES laws.cpp more.cpp [LABELS threads] [MANY_STEPS | FEW_STEPS])
# A doctest executable of that name. Label `threads`: it runs threads, and ThreadSanitizer is worth its time.
# MANY_STEPS: it runs for longer than it compiles. FEW_STEPS: not with AddressSanitizer, where histories are shorter.
function(ashlar_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "MANY_STEPS;FEW_STEPS" "NAME" "SOURCES;LABELS")
    if(ASHLAR_TESTS_LABEL AND NOT ASHLAR_TESTS_LABEL IN_LIST arg_LABELS)
        return()
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE ashlar_test_main)
    # What runs once is not optimised: that takes longer than the test. Explorations and models spend as much on being
    # compiled as on running, so -O1 by day.
    set(level -O0)
    if(arg_NAME MATCHES "^(model|interleaving)-" AND ASHLAR_LONG)
        set(level "")
    elseif(arg_MANY_STEPS OR arg_NAME MATCHES "^(model|interleaving)-")
        set(level -O1)
    endif()
    if(ashlar_address_sanitizer AND arg_FEW_STEPS AND NOT ASHLAR_LONG)
        set(level -O0)
    endif()
    target_compile_options(${arg_NAME} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:${level}>)
    # Checks that are calls: a fifth less to compile, and without optimisation as fast.
    if(ashlar_address_sanitizer AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND level STREQUAL "-O0")
        target_compile_options(${arg_NAME} PRIVATE -fsanitize-address-outline-instrumentation)
    endif()
    target_precompile_headers(${arg_NAME} REUSE_FROM ashlar_test_headers${level})
    # Tests may share helpers: #include "area/helper.hpp".
    target_include_directories(${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    # Where only tests with threads are built, a random history of one thread adds nothing.
    set(left_out "")
    if(ASHLAR_TESTS_LABEL STREQUAL "threads")
        set(left_out "--test-case-exclude=model:*")
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} ${left_out})
    ashlar_test_properties(${arg_NAME} ${arg_LABELS})
endfunction()

# ashlar_script_test(NAME house-x COMMAND script.py args...)
# A Python script of the calling folder; it gets the source tree as first argument.
function(ashlar_script_test)
    if(NOT ASHLAR_TESTS_ONCE)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "COMMAND;LABELS")
    list(POP_FRONT arg_COMMAND script)
    add_test(NAME ${arg_NAME}
        COMMAND ${Python3_EXECUTABLE} -B "${CMAKE_CURRENT_SOURCE_DIR}/${script}" "${PROJECT_SOURCE_DIR}" ${arg_COMMAND})
    ashlar_test_properties(${arg_NAME} ${arg_LABELS})
endfunction()

# ashlar_compile_fail(NAME compile-fail-x SOURCE f.cpp MESSAGE "regex of the sentence")
# Passes when the file does not compile, with each compiler that is there, and the first error says the sentence.
function(ashlar_compile_fail)
    if(NOT ASHLAR_TESTS_ONCE)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;SOURCE;MESSAGE" "")
    add_test(NAME ${arg_NAME}
        COMMAND ${Python3_EXECUTABLE} -B "${ashlar_harness_dir}/compile_fail.py" "${PROJECT_SOURCE_DIR}/include"
            "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SOURCE}" "${arg_MESSAGE}" "${CMAKE_CXX_COMPILER}" clang++)
    ashlar_test_properties(${arg_NAME})
endfunction()

# ashlar_fuzz(NAME fuzz-x SOURCE f.cpp [CORPUS seed-dir...] [DEFINITIONS X=y...] [SECONDS 5] [LONG_SECONDS 300])
# A libFuzzer target. Always built by clang++, whatever compiler the rest uses; finds stay in the build tree.
function(ashlar_fuzz)
    if(NOT ASHLAR_TESTS_ONCE)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;SOURCE;SECONDS;LONG_SECONDS" "CORPUS;DEFINITIONS")
    list(TRANSFORM arg_DEFINITIONS PREPEND "-D")
    if(NOT arg_SECONDS)
        set(arg_SECONDS 5)
    endif()
    if(NOT arg_LONG_SECONDS)
        set(arg_LONG_SECONDS 300)
    endif()
    if(NOT ASHLAR_CLANGXX)
        message(STATUS "${arg_NAME}: clang++ is missing, it is not built")
        add_test(NAME ${arg_NAME} COMMAND sh -c "echo 'left out: fuzzing needs clang++, then configure again'; exit 77")
        ashlar_test_properties(${arg_NAME})
        return()
    endif()
    # (The target has the name: a file of it would be two things of one name to Ninja.)
    set(binary "${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}-program")
    set(source "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SOURCE}")
    add_custom_command(OUTPUT "${binary}"
        COMMAND "${ASHLAR_CLANGXX}" -std=c++20 -O1 -g1 -fsanitize=fuzzer,address,undefined
            -fno-sanitize-recover=all -fsanitize-address-outline-instrumentation ${ashlar_warning_flags}
            ${arg_DEFINITIONS} -I "${PROJECT_SOURCE_DIR}/include" -I "${PROJECT_SOURCE_DIR}/tests" -MD -MF "${binary}.d" -MT "${binary}" "${source}" -o "${binary}"
        DEPENDS "${source}" DEPFILE "${binary}.d" COMMENT "Building fuzzer ${arg_NAME}" VERBATIM)
    add_custom_target(${arg_NAME} ALL DEPENDS "${binary}")
    set(seeds "")
    foreach(folder IN LISTS arg_CORPUS)
        cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
        list(APPEND seeds "${folder}")
    endforeach()
    add_test(NAME ${arg_NAME}
        COMMAND sh "${ashlar_harness_dir}/fuzz.sh" "${binary}" ${arg_SECONDS} ${arg_LONG_SECONDS} ${seeds})
    ashlar_test_properties(${arg_NAME})
endfunction()
