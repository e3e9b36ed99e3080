/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/pkg.h"

#include <fcntl.h>
#include <string.h>

#include "pkg/pkg_parts.h"

static const char head[] = "# Written by dlenv. `dlenv setup --undo` takes it back.\n";

char *pkg_repo_path(const struct pkg_manager *m, const struct pkg_repo *repo)
{
	return str_fmt("%s/%s%s", m->places[0].path, repo->id, m->places[0].ending);
}

char *pkg_repo_text(const struct pkg_manager *m, const struct pkg_repo *repo)
{
	struct buf b = {0};

	buf_str(&b, head);
	m->repo_text(repo, &b);
	return b.data;
}

void repo_deb822(const struct pkg_repo *repo, struct buf *ret)
{
	buf_fmt(ret, "Types: deb\nURIs: %s\nSuites: %s\n", repo->url, repo->suite);
	if (repo->components)
		buf_fmt(ret, "Components: %s\n", repo->components);
	if (repo->arch)
		buf_fmt(ret, "Architectures: %s\n", repo->arch);
	if (repo->key)
		buf_fmt(ret, "Signed-By: %s\n", repo->key);
}

static void repo_head(const struct pkg_repo *repo, struct buf *ret)
{
	buf_fmt(ret, "[%s]\nname=%s\nbaseurl=%s\nenabled=1\n", repo->id, repo->name, repo->url);
}

static void repo_tail(const struct pkg_repo *repo, struct buf *ret)
{
	if (repo->key)
		buf_fmt(ret, "gpgkey=%s\n", repo->key);
	if (repo->priority)
		buf_fmt(ret, "priority=%d\n", repo->priority);
}

void repo_dnf(const struct pkg_repo *repo, struct buf *ret)
{
	repo_head(repo, ret);
	buf_fmt(ret, "gpgcheck=%d\nrepo_gpgcheck=%d\n", repo->check_packages, repo->check_metadata);
	repo_tail(repo, ret);
	if (repo->exclude)
		buf_fmt(ret, "excludepkgs=%s\n", repo->exclude);
}

/* gpgcheck alone would take a package on the word of signed lists: each is said by itself. */
void repo_zypp(const struct pkg_repo *repo, struct buf *ret)
{
	repo_head(repo, ret);
	buf_fmt(ret, "autorefresh=1\ntype=rpm-md\ngpgcheck=1\nrepo_gpgcheck=%d\npkg_gpgcheck=%d\n",
		repo->check_metadata, repo->check_packages);
	repo_tail(repo, ret);
}

static int find_in(const struct root *r, const char *path, const char *address, struct strs *ret)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};

	if (root_read(r, path, PKG_SOURCE_MAX, &text, &ignored) < 0)
		return -1;
	if (repo_text_names(path, text, address))
		strs_add(ret, path);
	return 0;
}

int pkg_repo_find(const struct pkg_manager *m, const struct root *r, const char *address,
		  struct strs *ret, struct err *e)
{
	for (const struct pkg_place *p = m->places; p->path; p++) {
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(fd_closep) int fd = -1;
		struct err why = {0};

		if (!p->ending) {
			(void)find_in(r, p->path, address, ret);
			continue;
		}
		if (rootfs_open(r->fd, p->path, O_RDONLY | O_DIRECTORY, 0, &fd, &why) < 0) {
			if (why.code == ERR_ABSENT)
				continue;
			*e = why;
			return -(int)e->code;
		}
		if (dir_list(fd, ".", &names, e) < 0)
			return -(int)e->code;
		for (size_t i = 0; i < names.n; i++) {
			CLEANUP(freep) char *path = str_fmt("%s/%s", p->path, names.v[i]);

			/* One that cannot be read is none of a manager's either. */
			if (str_ends(names.v[i], p->ending))
				(void)find_in(r, path, address, ret);
		}
	}
	return 0;
}
