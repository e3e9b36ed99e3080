/* SPDX-License-Identifier: Apache-2.0 */
#include "init/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

uint64_t clock_ms(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int64_t clock_unix(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

static bool is_leap(unsigned int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

void clock_text(int64_t unix_time, char ret[CLOCK_TEXT])
{
	static const unsigned int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	/* A clock before 1970 or after 9999 is wrong anyway. */
	const int64_t last = 253402300799;
	uint64_t t = unix_time < 0 ? 0 : (uint64_t)(unix_time > last ? last : unix_time);
	uint64_t days = t / 86400;
	unsigned int second = (unsigned int)(t % 86400);
	unsigned int year = 1970;
	unsigned int month = 0;

	for (; days >= 365U + is_leap(year); year++)
		days -= 365U + is_leap(year);
	for (;; month++) {
		unsigned int length = lengths[month] + (month == 1 && is_leap(year));

		if (days < length)
			break;
		days -= length;
	}
	(void)snprintf(ret, CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", year % 10000,
		       (month + 1) % 100, (unsigned int)(days + 1) % 100, second / 3600,
		       second / 60 % 60, second % 60);
}
