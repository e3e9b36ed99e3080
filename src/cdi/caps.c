/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA_DRIVER_CAPABILITIES: which parts of the driver a container is given. */
#include <string.h>

#include "base/i18n.h"
#include "cdi/generate.h"

static const struct {
	const char *word;
	unsigned int caps;
} words[] = {
	{"compute", CAP_COMPUTE},   {"utility", CAP_UTILITY}, {"video", CAP_VIDEO},
	{"graphics", CAP_GRAPHICS}, {"display", CAP_DISPLAY}, {"ngx", CAP_NGX},
	{"compat32", CAP_COMPAT32}, {"all", CAP_ALL},
};

static unsigned int caps_of(const char *word, size_t len)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (strlen(words[i].word) == len && strncmp(words[i].word, word, len) == 0)
			return words[i].caps;
	return 0;
}

int cdi_caps_parse(const char *text, unsigned int *ret, struct err *e)
{
	unsigned int caps = 0;
	const char *p = text;

	while (*p) {
		size_t n;

		p += strspn(p, ", ");
		n = strcspn(p, ", ");
		if (n && !caps_of(p, n)) {
			(void)err_set(e, ERR_CONFIG, "the driver has no capability '%.*s'",
				      (int)(n < 64 ? n : 64), p);
			return err_hint(e, "known are compute, utility, video, graphics, display, "
					   "ngx, compat32 and all");
		}
		caps |= n ? caps_of(p, n) : 0;
		p += n;
	}
	*ret = caps;
	return 0;
}
