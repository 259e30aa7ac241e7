// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nothing: whose headers are precompiled has to have a source.
