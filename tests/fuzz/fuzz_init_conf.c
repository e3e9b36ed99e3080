/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "init/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a good configuration promises to those who use it. */
static void check(const struct conf *c)
{
	size_t n = 0;

	for (const struct conf_service *s = c->services; s; s = s->next) {
		n++;
		if (!s->argv[0] || !*s->argv[0] || strchr(s->name, '/') ||
		    strlen(s->name) > CONF_NAME_MAX || *s->cwd != '/')
			abort();
		for (char *const *env = s->env; *env; env++)
			if (!strchr(*env, '='))
				abort();
	}
	if (n != c->n_services || n > CONF_SERVICES_MAX || *c->log_dir != '/' || *c->status != '/')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c;
	struct err e = {0};

	if (conf_parse("/run/dlenv/init.conf", (const char *)data, size, &c, &e) < 0) {
		if (e.code != ERR_PARSE || strchr(e.msg, '\n'))
			abort();
		return 0;
	}
	check(&c);
	conf_fini(&c);
	return 0;
}
