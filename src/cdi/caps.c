/* SPDX-License-Identifier: Apache-2.0 */
/* Words of NVIDIA's: driver capabilities (which parts of the driver a container is given),
 * features. */
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

static const struct {
	const char *name;
	unsigned int flag;
} features[] = {
	{"enable-explicit-driver-libraries", GEN_EXPLICIT_LIBS},
	{"enable-coherent-annotations", GEN_COHERENT},
	{"no-additional-gids-for-device-nodes", GEN_NO_GIDS},
	{"disable-ipc-discoverer", GEN_NO_IPC},
	{"disable-nvsandboxutils", 0},
	{"disable-multiple-csv-devices", 0},
};

bool cdi_feature(const char *name, unsigned int *ret)
{
	for (size_t i = 0; i < COUNT(features); i++)
		if (str_eq(features[i].name, name)) {
			*ret = features[i].flag;
			return true;
		}
	return false;
}
