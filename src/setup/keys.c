/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a repository's key has to be. The rows that are compiled in can be replaced by a table in a
 * folder of facts; such a row decides whose packages are installed, so nobody but root may have
 * written it.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "setup/execute.h"

enum { TRUST_MAX = 64 };

static int distrust(const char *file, const char *place, struct err *e)
{
	(void)err_set(e, ERR_VERIFY,
		      "the keys in '%s' do not count: somebody other than root may write '%s'",
		      file, place);
	return err_hint(e, "sudo chown root:root FILE; sudo chmod go-w FILE, and so for the "
			   "folders above it");
}

/* The file and every folder above it. */
static int check_owner(const char *file, struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(file, real))
		return err_sys(e, "cannot open '%s'", file);
	for (;;) {
		char *slash = strrchr(real, '/');

		if (stat(*real ? real : "/", &st) < 0)
			return err_sys(e, "cannot open '%s'", real);
		if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
			return distrust(file, *real ? real : "/", e);
		if (!slash)
			return 0;
		*slash = '\0';
	}
}

int executor_pin(struct executor *x, const char *key, struct key_pin *ret, struct err *e)
{
	const struct key_fact *k = facts_key(x->facts, key);
	const char *pinned = k && key_is_whole(k) ? k->fingerprint : NULL;
	const char **accepts;
	size_t n = 0;

	if (!k)
		return err_set(e, ERR_BUG, "there is no key '%s'", key);
	if (k->from.file && check_owner(k->from.file, e) < 0)
		return -(int)e->code;
	accepts = arena_alloc(&x->arena, (TRUST_MAX + 2) * sizeof(*accepts));
	if (pinned)
		accepts[n++] = pinned;
	for (size_t i = 0; x->trust && x->trust[i] && i < TRUST_MAX; i++)
		accepts[n++] = x->trust[i];
	*ret = (struct key_pin){
		.id = k->id,
		.accepts = accepts,
		.pinned = pinned,
		.suffix = !pinned && *k->fingerprint ? k->fingerprint : NULL,
	};
	return 0;
}
