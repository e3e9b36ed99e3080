/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/fs.h"

struct executor;

/* Kernel modules, for the operations on them. Inside setup/ only. */

/* The running kernel's release. The text is the caller's; NULL: not known. */
char *module_kernel(const struct root *r) MUST_USE;
/* 1: a kernel has the module installed, 0: it has not, -1: nothing is known of its modules. */
int module_is_installed(const struct root *r, const char *kernel, const char *name);
/* Another kernel that has it, for free(), or NULL. */
char *module_other_kernel(const struct root *r, const char *kernel, const char *name) MUST_USE;
bool module_is_loaded(const struct root *r, const char *name);
/* nouveau or nova drives one of NVIDIA's cards. */
bool module_nouveau_holds(const struct root *r);

/* The last line of the kernel's log with one of the words in it, for free(), or NULL. */
char *module_kernel_says(const char *const *words) MUST_USE;
