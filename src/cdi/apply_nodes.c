/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cdi/apply_parts.h"

/* A rule of the devices cgroup, as far as it is ours to compare. */
struct rule {
	bool allow;
	const char *type;
	const char *access;
	int64_t major;
	int64_t minor;
};

/* What there is in the configuration by now. */
struct have {
	const char **paths; /* of nodes */
	size_t paths_n;
	struct rule *rules;
	size_t rules_n;
	int64_t uid; /* of the container's process */
	int64_t gid;
};

static const char *type_of(mode_t mode)
{
	if (S_ISBLK(mode))
		return "b";
	if (S_ISCHR(mode))
		return "c";
	return S_ISFIFO(mode) ? "p" : NULL;
}

/* Type and numbers that the specification leaves to the host. A major of 0 is "not said". */
static int complete(struct cdi_node *n, struct err *e)
{
	const char *host = n->host_path ? n->host_path : n->path;
	const char *type;
	struct stat st;

	if (n->type && (n->major > 0 || str_eq(n->type, "p"))) {
		n->minor = n->minor < 0 ? 0 : n->minor;
		return 0;
	}
	if (fstatat(AT_FDCWD, host, &st, 0) < 0) {
		(void)err_sys(e, "cannot find the device node '%s'", host);
		return err_hint(e, "load the driver, or describe the GPUs again: "
				   "`dlenv cdi refresh`");
	}
	type = type_of(st.st_mode);
	if (!type)
		return err_set(e, ERR_CONFIG, "'%s' is not a device node", host);
	if (!n->type)
		n->type = type;
	else if (!str_eq(n->type, type) && !(str_eq(n->type, "u") && str_eq(type, "c")))
		return err_set(e, ERR_CONFIG,
			       "the device node '%s' is of the type '%s', the specification says "
			       "'%s'",
			       host, type, n->type);
	if (n->major <= 0) {
		n->major = major(st.st_rdev);
		n->minor = minor(st.st_rdev);
	}
	n->minor = n->minor < 0 ? 0 : n->minor;
	return 0;
}

static int put_node(struct apply *a, struct have *have, const struct cdi_node *n, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = {0};
	int64_t uid = n->uid < 0 && have->uid > 0 ? have->uid : n->uid;
	int64_t gid = n->gid < 0 && have->gid > 0 ? have->gid : n->gid;

	buf_str(&b, "{");
	apply_put_text(&b, "path", n->path);
	apply_put_text(&b, "type", n->type);
	if (!str_eq(n->type, "p")) {
		apply_put_number(&b, "major", n->major);
		apply_put_number(&b, "minor", n->minor);
	}
	if (n->mode >= 0)
		apply_put_number(&b, "fileMode", n->mode);
	if (uid >= 0)
		apply_put_number(&b, "uid", uid);
	if (gid >= 0)
		apply_put_number(&b, "gid", gid);
	buf_str(&b, "}");
	for (size_t i = 0; i < have->paths_n; i++)
		if (str_eq(have->paths[i], n->path))
			return json_edit_set(&a->j, PATH("linux", "devices", AT(i)), b.data, e);
	have->paths[have->paths_n++] = n->path;
	return json_edit_append(&a->j, PATH("linux", "devices"), b.data, e);
}

/* The same rule, with nothing behind it that takes it back. */
static bool rule_stands(const struct have *have, const struct rule *r)
{
	for (size_t i = have->rules_n; i--;) {
		const struct rule *x = &have->rules[i];

		if (!x->allow)
			return false;
		if (x->major == r->major && x->minor == r->minor && str_eq(x->type, r->type) &&
		    str_eq(x->access, r->access))
			return true;
	}
	return false;
}

static int put_rule(struct apply *a, struct have *have, const struct cdi_node *n, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = {0};
	const struct rule r = {.allow = true,
			       .type = str_eq(n->type, "u") ? "c" : n->type,
			       .access = n->permissions ? n->permissions : "rwm",
			       .major = n->major,
			       .minor = n->minor};

	if (str_eq(n->type, "p") || str_eq(r.access, "none") || rule_stands(have, &r))
		return 0;
	buf_str(&b, "{\"allow\": true");
	apply_put_text(&b, "type", r.type);
	apply_put_number(&b, "major", r.major);
	apply_put_number(&b, "minor", r.minor);
	apply_put_text(&b, "access", r.access);
	buf_str(&b, "}");
	have->rules[have->rules_n++] = r;
	return json_edit_append(&a->j, PATH("linux", "resources", "devices"), b.data, e);
}

static void read_rules(struct apply *a, struct have *have, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *allow = NULL;
		size_t len = 0;

#define RULE(key) PATH("linux", "resources", "devices", AT(i), key)
		(void)json_edit_find(&a->j, RULE("allow"), &allow, &len);
		have->rules[i] = (struct rule){.allow = allow && *allow == 't',
					       .type = apply_string(a, RULE("type")),
					       .access = apply_string(a, RULE("access")),
					       .major = apply_number(a, RULE("major"), -1),
					       .minor = apply_number(a, RULE("minor"), -1)};
#undef RULE
	}
	have->rules_n = n;
}

int apply_nodes(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	CLEANUP(freep) struct rule *rules = NULL;
	CLEANUP(freep) const char **paths = NULL;
	struct have have = {.uid = apply_number(a, PATH("process", "user", "uid"), 0),
			    .gid = apply_number(a, PATH("process", "user", "gid"), 0)};
	size_t nodes_n;
	size_t rules_n;

	if (!edits->nodes_n)
		return 0;
	if (apply_count(a, PATH("linux", "devices"), "linux.devices", &nodes_n, e) < 0 ||
	    apply_count(a, PATH("linux", "resources", "devices"), "linux.resources.devices",
			&rules_n, e) < 0)
		return -(int)e->code;
	have.paths = paths = mem_alloc((nodes_n + edits->nodes_n) * sizeof(*paths));
	have.rules = rules = mem_alloc((rules_n + edits->nodes_n) * sizeof(*rules));
	for (; have.paths_n < nodes_n; have.paths_n++)
		have.paths[have.paths_n] =
			apply_string(a, PATH("linux", "devices", AT(have.paths_n), "path"));
	read_rules(a, &have, rules_n);
	for (size_t i = 0; i < edits->nodes_n; i++) {
		struct cdi_node n = edits->nodes[i];

		if (complete(&n, e) < 0 || put_node(a, &have, &n, e) < 0 ||
		    put_rule(a, &have, &n, e) < 0)
			return -(int)e->code;
	}
	return 0;
}
