/* SPDX-License-Identifier: Apache-2.0 */
/* What `dlenv setup` is asked for, and for whom. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "cli/setup_parts.h"
#include "cli/site.h"

static size_t count(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int read_targets(struct cli *c, struct setup_options *o, struct err *e)
{
	for (size_t i = 0; i < c->args_n; i++) {
		unsigned int target = setup_target(c->args[i]);

		if (!target) {
			const char *near =
				word_nearest(c->args[i], setup_targets, count(setup_targets));

			(void)err_set(e, ERR_USAGE, "'%s' is nothing that setup knows", c->args[i]);
			return near ? err_hint(e, "do you mean '%s'?", near)
				    : err_hint(e, "name one or more of: driver, toolkit, docker, "
						  "podman, dlenv");
		}
		o->targets |= target;
	}
	return 0;
}

/* "9DC8 5822 ..." as the tables have it; NULL: it is no fingerprint. */
static const char *fingerprint(struct arena *a, const char *text)
{
	char *ret = arena_str(a, text);
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		if (*p == ' ' || *p == ':')
			continue;
		if (!isxdigit((unsigned char)*p))
			return NULL;
		ret[n++] = (char)toupper((unsigned char)*p);
	}
	ret[n] = '\0';
	return n == 40 || n == 64 ? ret : NULL;
}

static int read_trust(struct cli *c, struct setup_options *o, struct err *e)
{
	const struct setup_cli_options *given = c->opt;
	size_t n = count(given->trust);
	const char **v;

	if (!n)
		return 0;
	v = arena_alloc(&c->arena, (n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++) {
		v[i] = fingerprint(&c->arena, given->trust[i]);
		if (!v[i])
			return err_set(e, ERR_USAGE,
				       "'%.100s' is no fingerprint: those have 40 or 64 "
				       "hexadecimal digits",
				       given->trust[i]);
	}
	o->trust = v;
	return 0;
}

static int check_pins(const struct setup_options *o, struct err *e)
{
	const char *toolkit = o->pin[VAR_TOOLKIT];

	if (o->rootless && !(o->targets & SETUP_DOCKER)) {
		(void)err_set(e, ERR_USAGE, "--rootless is about docker");
		return err_hint(e, "dlenv setup docker --rootless");
	}
	if (o->targets & SETUP_TOOLKIT && str_eq(toolkit, "builtin")) {
		(void)err_set(e, ERR_USAGE,
			      "the toolkit is NVIDIA's, and --toolkit builtin is dlenv's own");
		return err_hint(e, "leave one of them out");
	}
	return 0;
}

/* Who called sudo or pkexec, or else the caller; root is nobody in particular. */
static int find_user(struct cli *c, const char *named, const char **ret, struct err *e)
{
	CLEANUP(user_fini) struct user u = {0};
	const char *sudo = getenv("SUDO_USER");
	const char *pkexec = getenv("PKEXEC_UID");
	struct err unknown = {0};
	uint64_t uid;

	if (named) {
		if (user_find(named, &u, e) < 0)
			return -(int)e->code;
	} else if (geteuid() != 0) {
		*ret = c->user.name;
		return 0;
	} else if (sudo && *sudo) {
		(void)!user_find(sudo, &u, &unknown);
	} else if (pkexec &&
		   parse_uint(pkexec, UINT32_MAX - 1, "PKEXEC_UID", &uid, &unknown) == 0) {
		(void)!user_of((uid_t)uid, &u, &unknown);
	}
	*ret = u.name && u.uid != 0 ? arena_str(&c->arena, u.name) : NULL;
	return 0;
}

int setup_wish(struct cli *c, struct setup_job *j, struct err *e)
{
	const struct setup_cli_options *given = c->opt;
	struct setup_options *o = &j->o;

	if (cli_machine(c, &j->machine, e) < 0)
		return -(int)e->code;
	j->live = str_eq(j->machine->path, "/");
	if (j->live)
		j->state = geteuid() == 0 ? arena_fmt(&c->arena, "%s/setup", c->paths.data)
					  : "/var/lib/dlenv/setup";
	o->rootless = given->rootless;
	o->reboot = given->reboot;
	o->no_network = given->no_network;
	for (size_t i = 0; i < VARS; i++)
		o->pin[i] = given->pin[i];
	if (read_targets(c, o, e) < 0 || read_trust(c, o, e) < 0 || check_pins(o, e) < 0)
		return -(int)e->code;
	if (!j->live) {
		o->user = given->user;
		return 0;
	}
	return find_user(c, given->user, &o->user, e);
}

void setup_wish_more(struct cli *c, const struct setup_options *given, struct setup_options *o)
{
	const struct setup_cli_options *named = c->opt;
	size_t own = count(given->trust);
	size_t before = count(o->trust);
	const char **trust = arena_alloc(&c->arena, (own + before + 1) * sizeof(*trust));

	for (size_t i = 0; i < before; i++)
		trust[i] = o->trust[i];
	for (size_t i = 0; i < own; i++)
		trust[before + i] = given->trust[i];
	if (own)
		o->trust = trust;
	if (named->user)
		o->user = given->user;
	for (size_t i = 0; i < VARS; i++)
		if (given->pin[i])
			o->pin[i] = given->pin[i];
	o->reboot = o->reboot || given->reboot;
	o->no_network = o->no_network || given->no_network;
}

int setup_needs_root(struct err *e)
{
	CLEANUP(freep) char *program = env_program();
	CLEANUP(freep) char *own = NULL;
	CLEANUP(buf_fini) struct buf text = {0};
	struct err unknown = {0};
	size_t len = 0;

	/* What sudo finds by itself needs no folder. */
	buf_shell(&text, !program || str_starts(program, "/usr/bin/") ||
					 str_starts(program, "/usr/local/bin/")
				 ? "dlenv"
				 : program);
	if (file_read(AT_FDCWD, "/proc/self/cmdline", 1 << 16, &own, &len, &unknown) == 0)
		for (size_t i = strlen(own) + 1; i < len; i += strlen(own + i) + 1) {
			buf_str(&text, " ");
			buf_shell(&text, own + i);
		}
	(void)err_set(e, ERR_PRIV, "only root can set this machine up");
	return err_hint(e, "sudo %.200s", text.data);
}
