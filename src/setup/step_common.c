/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/step_common.h"

#include <string.h>

#include "base/env.h"
#include "base/i18n.h"
#include "base/str.h"

enum { FILE_MAX = 1 << 20 };

bool step_wants(const struct setup *s, unsigned int targets)
{
	return s->targets & targets;
}

bool step_has_gpu(const struct setup *s)
{
	return s->host.gpus.n || s->host.module || str_eq(s->host.place, "wsl");
}

const char *step_user(const struct setup *s)
{
	const char *user = s->options->user;

	return user && *user && !str_eq(user, "root") ? user : NULL;
}

const char *step_home(struct setup *s)
{
	const char *user = step_user(s);
	CLEANUP(freep) char *passwd = NULL;
	CLEANUP(user_fini) struct user u = {0};
	struct err ignored = {0};

	if (!user || root_read(s->root, "/etc/passwd", FILE_MAX, &passwd, &ignored) < 0 ||
	    !user_in(passwd, user, &u) || u.home[0] != '/')
		return NULL;
	return arena_str(&s->arena, u.home);
}

const char *step_apt_arch(const struct setup *s)
{
	return str_eq(s->host.arch, "aarch64") ? "arm64" : "amd64";
}

const struct distro_fact *step_distro(const struct setup *s)
{
	const struct os_release *os = &s->host.os;

	if (!s->distro || !str_eq(s->distro->family, "special"))
		return s->distro;
	for (size_t i = 0; i < s->facts->distros.n; i++) {
		const struct distro_fact *d = &s->facts->distros.v[i];

		if (str_eq(d->id, os->id) && str_eq(d->version, os->version))
			return d;
	}
	return NULL;
}

const char *step_distro_name(struct setup *s)
{
	const struct os_release *os = &s->host.os;

	if (!os->name[0])
		return _("this distribution");
	return arena_fmt(&s->arena, "%s%s%s", os->name, os->version[0] ? " " : "", os->version);
}

bool step_manager_is(const struct setup *s, const char *names)
{
	return s->pkg && str_list_has(names, ' ', pkg_name(s->pkg));
}

bool step_has_text(const struct setup *s, const char *path, const char *text)
{
	CLEANUP(freep) char *own = NULL;
	struct err ignored = {0};

	return root_read(s->root, path, FILE_MAX, &own, &ignored) == 0 && str_eq(own, text);
}

bool step_may_have(const struct setup *s, const char *package)
{
	return !s->packages_known || setup_has(s, package);
}

const char *const *step_installed(const struct setup *s, struct plan *p,
				  const char *const *packages)
{
	CLEANUP(strs_fini) struct strs there = {0};

	for (; *packages; packages++)
		if (step_may_have(s, *packages))
			strs_add(&there, *packages);
	return there.n ? plan_words(p, (const char *const *)there.v) : NULL;
}

static const char *key_url(struct setup *s, const struct key_fact *key, const char *os)
{
	const char *at = os ? strstr(key->url, "/OS/") : NULL;

	if (!at)
		return key->url;
	return arena_fmt(&s->arena, "%.*s/%s/%s", (int)(at - key->url), key->url, os, at + 4);
}

/*
 * The file by which somebody else has added it: not the one that we would write, as we would write
 * it, since a run that was interrupted goes on with that.
 */
static int find_other(struct setup *s, const struct step_repository *r, const char *path,
		      const char *text, const char **ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs found = {0};

	*ret = NULL;
	if (pkg_repo_find(s->pkg, s->root, r->address, &found, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < found.n; i++)
		if (!str_eq(found.v[i], path) || !step_has_text(s, path, text)) {
			*ret = arena_str(&s->arena, found.v[i]);
			return 0;
		}
	return 0;
}

static void add_files(struct setup *s, struct plan *p, const struct step_repository *r,
		      const struct key_fact *key, const char *path, const char *text)
{
	plan_add(p, &(struct op){.kind = &op_add_key,
				 .name = r->key,
				 .url = key_url(s, key, r->key_os),
				 .path = r->key_path,
				 .flags = r->key_flags,
				 .why = _("packages and lists are accepted only with this key's "
					  "signature; its fingerprint is compared first")});
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = path,
				 .text = text,
				 .mode = 0644,
				 .why = r->why});
}

int step_add_repository(struct setup *s, struct plan *p, const struct step_repository *r,
			struct err *e)
{
	const struct key_fact *key = facts_key(s->facts, r->key);
	struct pkg_repo repo = r->repo;
	CLEANUP(freep) char *file_url = str_fmt("file://%s", r->key_path);
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *text = NULL;
	const char *other;

	if (!key)
		return err_set(e, ERR_BUG, "the table of keys has no '%s'", r->key);
	repo.key = step_manager_is(s, "apt") ? r->key_path : file_url;
	repo.arch = step_apt_arch(s);
	path = pkg_repo_path(s->pkg, &repo);
	text = pkg_repo_text(s->pkg, &repo);
	if (find_other(s, r, path, text, &other, e) < 0)
		return -(int)e->code;
	if (other)
		plan_note(p, _("'%s' has that repository already: it is used as it is"), other);
	else
		add_files(s, p, r, key, path, text);
	step_refresh(p);
	return 0;
}

void step_refresh(struct plan *p)
{
	plan_add(p, &(struct op){.kind = &op_refresh,
				 .why = _("the package manager has to know what is there")});
}

void step_grant_ids(struct plan *p, const char *user)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == &op_grant_subids && str_eq(p->ops[i].user, user))
			return;
	plan_add(p, &(struct op){.kind = &op_grant_subids,
				 .user = user,
				 .why = _("containers without root have users of their own: these "
					  "ids")});
}

void step_linger(struct plan *p, const char *user, const char *why)
{
	CLEANUP(freep) char *path = str_fmt("/var/lib/systemd/linger/%s", user);

	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "loginctl", "enable-linger", user),
				 .undo = WORDS(p, "loginctl", "disable-linger", user),
				 .path = path,
				 .flags = OP_MARKER,
				 .why = why});
}
