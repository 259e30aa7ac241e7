// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All that libstdc++'s freestanding headers ask of a libc: its <bits/os_defines.h> includes <features.h> and
// tests the version of glibc. With this folder on the include path, and no libc, a header that needs one does
// not compile.
#pragma once
#define __GLIBC_PREREQ(major, minor) 0
