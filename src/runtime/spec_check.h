/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/spec.h"

/*
 * What the row tables cannot say: values that exclude each other, and fields of
 * runtime-spec 1.2 and 1.3 that are refused because nothing here carries them
 * out (R9). ERR_CONFIG names the field.
 */
int spec_check(const struct spec *s, struct err *e) MUST_USE;
