/* SPDX-License-Identifier: Apache-2.0 */
#include "nvml/out.h"

static void quoted(struct out *o, const char *text)
{
	(void)fputc('"', o->file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			(void)fprintf(o->file, "\\%c", c);
		else if (c < ' ' || c > '~')
			(void)fprintf(o->file, "\\u%04x", c < ' ' ? c : '?');
		else
			(void)fputc(c, o->file);
	}
	(void)fputc('"', o->file);
}

static void begin(struct out *o, const char *key)
{
	if (o->comma)
		(void)fputc(',', o->file);
	o->comma = true;
	if (!key)
		return;
	quoted(o, key);
	(void)fputc(':', o->file);
}

void out_open(struct out *o, const char *key, char bracket)
{
	begin(o, key);
	if (bracket == '{')
		(void)fputc('\n', o->file);
	(void)fputc(bracket, o->file);
	o->comma = false;
}

void out_close(struct out *o, char bracket)
{
	(void)fputc(bracket, o->file);
	o->comma = true;
}

void out_text(struct out *o, const char *key, const char *text)
{
	begin(o, key);
	if (text && text[0])
		quoted(o, text);
	else
		(void)fputs("null", o->file);
}

void out_number(struct out *o, const char *key, long long value)
{
	begin(o, key);
	(void)fprintf(o->file, "%lld", value);
}

void out_bool(struct out *o, const char *key, bool value)
{
	begin(o, key);
	(void)fputs(value ? "true" : "false", o->file);
}
