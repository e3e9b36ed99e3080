/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NVIDIA's kernel modules print below /proc: lines "Name: \t\t value", and lists of names and
 * numbers. Whatever else a line holds is left alone: each branch of the driver adds some.
 */
#include "host/nvidia_parts.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* The value of the line "NAME: value" without the spaces around it; its length, 0: not there. */
static size_t value_of(const char *text, const char *name, const char **ret)
{
	size_t n = strlen(name);

	for (const char *l = text; *l; l = next_line(l)) {
		const char *v = l + n + 1;
		size_t len;

		if (strncmp(l, name, n) != 0 || l[n] != ':')
			continue;
		v += strspn(v, " \t");
		len = strcspn(v, "\n");
		while (len && isspace((unsigned char)v[len - 1]))
			len--;
		*ret = v;
		return len;
	}
	return 0;
}

/* A number at the beginning of a text, -1 when there is none or it is no minor of Linux. */
static int number(const char *s, size_t *ret_len)
{
	enum { MINOR_MAX = (1 << 20) - 1 };
	int value = 0;
	size_t n = 0;

	for (; s[n] >= '0' && s[n] <= '9'; n++) {
		value = value * 10 + (s[n] - '0');
		if (value > MINOR_MAX)
			return -1;
	}
	if (ret_len)
		*ret_len = n;
	return n ? value : -1;
}

int nv_parse_number(const char *text, const char *name)
{
	const char *v = NULL;

	return value_of(text, name, &v) ? number(v, NULL) : -1;
}

/* What goes on to terminals and specifications: printable ASCII. */
static void copy_printable(char *ret, size_t size, const char *v, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (v[i] >= ' ' && v[i] <= '~')
			ret[n++] = v[i];
	ret[n] = '\0';
}

/* Until the module has talked to the GPU it prints question marks for digits. */
static void copy_uuid(char *ret, size_t size, const char *v, size_t len)
{
	ret[0] = '\0';
	if (len >= size)
		return;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)v[i]) && v[i] != '-')
			return;
	memcpy(ret, v, len);
	ret[len] = '\0';
}

void nv_parse_information(const char *text, struct nv_information *ret)
{
	const char *v = NULL;
	size_t len;

	*ret = (struct nv_information){.minor = nv_parse_number(text, "Device Minor")};
	len = value_of(text, "Model", &v);
	if (len)
		copy_printable(ret->model, sizeof(ret->model), v, len);
	len = value_of(text, "GPU UUID", &v);
	if (len)
		copy_uuid(ret->uuid, sizeof(ret->uuid), v, len);
	/* "GPU Blacklisted" before 460. */
	len = value_of(text, "GPU Excluded", &v);
	if (!len)
		len = value_of(text, "GPU Blacklisted", &v);
	ret->excluded = len == 3 && memcmp(v, "Yes", 3) == 0;
}

static const struct {
	const char *name;
	enum nv_major major;
} majors[] = {
	{"nvidia", NV_MAJOR_GPU},
	{"nvidia-frontend", NV_MAJOR_GPU},
	{"nvidia-uvm", NV_MAJOR_UVM},
	{"nvidia-caps", NV_MAJOR_CAPS},
	{"nvidia-caps-imex-channels", NV_MAJOR_IMEX},
	{"nvidia-nvswitch", NV_MAJOR_SWITCH},
};

/* "195 nvidia" */
static void device_line(const char *line, int ret[NV_MAJORS])
{
	const char *p = line + strspn(line, " ");
	size_t digits = 0;
	int major = number(p, &digits);
	size_t len;

	if (major < 0 || p[digits] != ' ')
		return;
	p += digits + 1;
	len = strcspn(p, "\n");
	for (size_t i = 0; i < COUNT(majors); i++)
		if (strlen(majors[i].name) == len && memcmp(p, majors[i].name, len) == 0)
			ret[majors[i].major] = major;
}

void nv_parse_devices(const char *text, int ret[NV_MAJORS])
{
	for (int i = 0; i < NV_MAJORS; i++)
		ret[i] = -1;
	for (const char *l = text; *l && !str_starts(l, "Block devices:"); l = next_line(l))
		device_line(l, ret);
}

bool nv_parse_version(const char *text, char ret[NV_VERSION_LEN])
{
	size_t line = strcspn(text, "\n");

	for (size_t i = 0; i < line; i += strspn(text + i, " \t")) {
		size_t word = strcspn(text + i, " \t\n");
		size_t digits = strspn(text + i, "0123456789.");

		if (word && digits == word && word < NV_VERSION_LEN && text[i] != '.' &&
		    memchr(text + i, '.', word)) {
			(void)snprintf(ret, NV_VERSION_LEN, "%.*s", (int)word, text + i);
			return true;
		}
		i += word;
		if (!word)
			break;
	}
	return false;
}

int nv_parse_minor(const char *text, const char *path)
{
	size_t n = strlen(path);

	for (const char *l = text; *l; l = next_line(l))
		if (strncmp(l, path, n) == 0 && l[n] == ' ')
			return number(l + n + 1, NULL);
	return -1;
}

int nv_numbered(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	size_t digits = 0;
	int value;

	if (strncmp(name, prefix, n) != 0)
		return -1;
	value = number(name + n, &digits);
	return value < 0 || name[n + digits] ? -1 : value;
}

/* DDDD:BB:DD.F; the domain may have more digits. */
bool nv_is_address(const char *name)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t domain = strspn(name, hex);
	const char *p = name + domain;

	return domain >= 4 && domain <= 8 && p[0] == ':' && strspn(p + 1, hex) == 2 &&
	       p[3] == ':' && strspn(p + 4, hex) == 2 && p[6] == '.' && p[7] >= '0' &&
	       p[7] <= '7' && !p[8];
}
