/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/i18n.h"
#include "engine/build_parts.h"

enum { WHOLE_MAX = 1000000000 };

/* "54.2", "1,234": tenths. *p is left behind the number. */
static uint64_t take_tenths(const char **p)
{
	uint64_t whole = 0;
	uint64_t tenth = 0;

	for (; isdigit((unsigned char)**p) || **p == ','; ++*p)
		if (**p != ',' && whole < WHOLE_MAX)
			whole = whole * 10 + (uint64_t)(**p - '0');
	if (**p == '.') {
		++*p;
		if (isdigit((unsigned char)**p))
			tenth = (uint64_t)(**p - '0');
		while (isdigit((unsigned char)**p))
			++*p;
	}
	return whole * 10 + tenth;
}

uint64_t apt_output_size(const char *text)
{
	/* apt counts in powers of 1000 */
	static const struct {
		char letter;
		uint64_t bytes;
	} units[] = {{'k', 1000}, {'M', 1000000}, {'G', 1000000000}};
	uint64_t tenths = take_tenths(&text);

	text += strspn(text, " ");
	for (size_t i = 0; i < COUNT(units); i++)
		if (*text == units[i].letter)
			return tenths * units[i].bytes / 10;
	return tenths / 10;
}

/* The number that ends where end points. */
static uint64_t number_before(const char *line, const char *end)
{
	const char *start = end;

	while (start > line && isdigit((unsigned char)start[-1]))
		start--;
	return take_tenths(&start) / 10;
}

void apt_output_line(struct apt_output *a, const char *line)
{
	static const char need[] = "Need to get ";
	static const char after[] = "After this operation, ";
	const char *installed = strstr(line, " newly installed, ");

	if (str_starts(line, need))
		a->download = apt_output_size(line + strlen(need));
	else if (str_starts(line, after) && strstr(line, "will be used"))
		a->unpacked = apt_output_size(line + strlen(after));
	else if (installed)
		a->packages = number_before(line, installed);
}

bool apt_output_status(struct apt_output *a, const char *line, struct progress_event *ret)
{
	/* STATUS:PACKAGE:PERCENT:TEXT; a package may have its architecture behind another ':' */
	const char *package = strchr(line, ':');
	const char *text = package ? strrchr(line, ':') : NULL;
	const char *percent = NULL;

	for (const char *p = package; p && p < text; p++)
		if (*p == ':')
			percent = p + 1;
	if (!percent || percent == package + 1)
		return false;
	text++;
	ret->note = NULL;
	if (str_starts(line, "dlstatus:")) {
		ret->phase = N_("download");
		ret->unit = PROGRESS_BYTES;
		ret->total = a->download;
		ret->done = a->download / 1000 * take_tenths(&percent);
		return true;
	}
	/* apt unpacks and configures in turns: one count of both, so that it only grows. */
	ret->unit = PROGRESS_ITEMS;
	ret->phase = N_("install");
	ret->total = 2 * a->packages;
	(void)strncpy(a->name, package + 1, sizeof(a->name) - 1);
	a->name[strcspn(a->name, ":")] = '\0';
	ret->note = a->name;
	if (!str_starts(text, "Unpacking ") && !str_starts(text, "Configuring "))
		return false;
	ret->done = ++a->handled;
	return true;
}
