/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since boot, for deadlines: a clock that nobody sets. */
uint64_t clock_ms(void);

/* Seconds since 1970, for people. */
int64_t clock_unix(void);

enum { CLOCK_TEXT = sizeof("9999-12-31T23:59:59Z") };

/* A time as 2026-01-31T23:59:59Z, without the time zone files that gmtime() reads. */
void clock_text(int64_t unix_time, char ret[CLOCK_TEXT]);
