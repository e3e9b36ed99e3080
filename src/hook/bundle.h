/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/doc.h"
#include "base/err.h"

/* What is read of a container's config.json (OCI runtime-spec 1.2); the rest is not looked at. */

enum { BUNDLE_MAX = 4 << 20 };

struct bundle_mount {
	const char *destination;
	const char *source;
};

struct bundle {
	char *text; /* the file as it is */
	size_t len;
	mode_t mode;
	struct arena arena;
	const char **env;      /* process.env, or NULL */
	const char **bounding; /* process.capabilities.bounding, or NULL */
	struct doc_pairs annotations;
	struct doc_list mounts; /* struct bundle_mount */
	const char *root;	/* root.path, or NULL */
};

/*
 * The file of that name in the folder. ERR_PARSE when it is no JSON text, ERR_CONFIG when what is
 * read has the wrong kind. bundle_fini frees *ret, after a failure too.
 */
int bundle_read(int dir, const char *name, struct bundle *ret, struct err *e) MUST_USE;
/* The same of a text (mem_*), which becomes ret's; name is for messages. */
int bundle_parse(char *text, size_t len, const char *name, struct bundle *ret, struct err *e)
	MUST_USE;
void bundle_fini(struct bundle *b);

/* The container may administer the system: CAP_SYS_ADMIN in its bounding set. */
bool bundle_is_privileged(const struct bundle *b);

/* The value of the last variable of that name, or NULL. */
const char *bundle_env(const struct bundle *b, const char *name);
