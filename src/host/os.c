/* SPDX-License-Identifier: Apache-2.0 */
#include "host/os.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { SMALL_FILE = 1 << 20 };

/* The value of KEY=, without quotes; "" when absent. */
static void value_of(const char *text, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key);

	ret[0] = '\0';
	for (const char *l = text; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
		const char *v = l + n + 1;
		size_t len;

		if (strncmp(l, key, n) != 0 || l[n] != '=')
			continue;
		len = strcspn(v, "\n");
		if (len >= 2 && (*v == '"' || *v == '\'')) {
			v++;
			len -= 2;
		}
		(void)snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), v);
		return;
	}
}

void os_read(const struct root *r, struct os_release *ret)
{
	CLEANUP(freep) char *text = NULL;
	struct err e;

	*ret = (struct os_release){0};
	if (root_read(r, "/etc/os-release", SMALL_FILE, &text, &e) < 0 &&
	    root_read(r, "/usr/lib/os-release", SMALL_FILE, &text, &e) < 0)
		return;
	value_of(text, "NAME", ret->name, sizeof(ret->name));
	value_of(text, "ID", ret->id, sizeof(ret->id));
	value_of(text, "VERSION_ID", ret->version, sizeof(ret->version));
	value_of(text, "ID_LIKE", ret->like, sizeof(ret->like));
	value_of(text, "UBUNTU_CODENAME", ret->codename, sizeof(ret->codename));
	if (!ret->codename[0])
		value_of(text, "VERSION_CODENAME", ret->codename, sizeof(ret->codename));
}
