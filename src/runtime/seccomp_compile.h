/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/doc.h"
#include "runtime/seccomp.h"

/* Compile a section through libseccomp, without any cache. */
int seccomp_compile(const struct doc *d, const struct doc_node *section, struct seccomp_filter *ret,
		    struct err *e) MUST_USE;

/* SECCOMP_FILTER_FLAG_ bits of section.flags. */
int seccomp_flags(const struct doc *d, const struct doc_node *section, unsigned int *ret,
		  struct err *e) MUST_USE;
