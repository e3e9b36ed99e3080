/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Milliseconds by a clock that nobody sets, for waiting and deadlines. */
int64_t mono_ms(void);
