/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh: the package manager reads the repositories' lists.
 *
 * How this works: the lists are as they should be when they are there and the sources are those
 * of which they were made. Of our own refresh STATE/refreshed says so (a digest of all sources and
 * keyrings); else the lists have to be newer than every source. How old they are does not count
 * here: a second run has to find nothing to do. Who installs from old lists reads them anew first
 * (refresh_if_old).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/i18n.h"
#include "setup/op_packages.h"
#include "setup/op_parts.h"
#include "setup/script.h"

enum { OLD_AFTER = 24 * 60 * 60 };

static const char stamp[] = "refreshed";

/*
 * The newest change of a file or folder and its entries, ns. Of lists only the entries count, since
 * managers also keep other things there. 0: it is not there.
 */
static int64_t newest(const struct root *r, const char *path, const char *end, bool lists)
{
	CLEANUP(fd_closep) int fd = openat(r->fd, below(path), O_RDONLY | O_CLOEXEC);
	CLEANUP(strs_fini) struct strs names = {0};
	struct err ignored = {0};
	struct stat st;
	int64_t ret;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	ret = lists ? 0 : time_ns(&st.st_ctim);
	if (!S_ISDIR(st.st_mode) || dir_list(fd, ".", &names, &ignored) < 0)
		return ret;
	for (size_t i = 0; i < names.n; i++) {
		if (end && !str_ends(names.v[i], end))
			continue;
		if (fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time_ns(&st.st_ctim) > ret)
			ret = time_ns(&st.st_ctim);
	}
	return ret;
}

/* When the lists were last written; 0: there are none. */
static int64_t lists_time(const struct executor *x, const struct pkg_lists *p)
{
	int64_t ret = 0;

	for (size_t i = 0; i < COUNT(p->folders) && p->folders[i]; i++) {
		int64_t t = newest(x->root, p->folders[i], p->end, true);

		ret = t > ret ? t : ret;
	}
	return ret;
}

static void add_file(int dir, const char *name, struct buf *b)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};
	size_t len = 0;

	if (file_read(dir, name, OP_FILE_MAX, &text, &len, &ignored) < 0)
		return;
	buf_fmt(b, "%s %zu\n", name, len);
	buf_add(b, text, len);
}

static void sources_digest(const struct executor *x, const struct pkg_lists *p,
			   char ret[DIGEST_LEN])
{
	CLEANUP(buf_fini) struct buf all = {0};

	buf_str(&all, pkg_name(x->pkg));
	for (size_t i = 0; i < COUNT(p->sources) && p->sources[i]; i++) {
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(fd_closep) int fd = -1;
		struct err ignored = {0};

		if (dir_open(x->root->fd, below(p->sources[i]), &fd, &ignored) < 0) {
			add_file(x->root->fd, below(p->sources[i]), &all);
			continue;
		}
		if (dir_list(fd, ".", &names, &ignored) < 0)
			continue;
		for (size_t k = 0; k < names.n; k++)
			add_file(fd, names.v[k], &all);
	}
	digest_bytes(all.data, all.len, ret);
}

/* What our last refresh was made of; "": there was none. When: 0. */
static int64_t our_refresh(const struct executor *x, char ret[DIGEST_LEN])
{
	CLEANUP(freep) char *path = x->state ? str_fmt("%s/%s", x->state, stamp) : NULL;
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};
	struct stat st;

	*ret = '\0';
	if (!path || file_read(AT_FDCWD, path, DIGEST_LEN, &text, NULL, &ignored) < 0 ||
	    stat(path, &st) < 0)
		return 0;
	(void)memccpy(ret, text, '\0', DIGEST_LEN - 1);
	ret[DIGEST_LEN - 1] = '\0';
	return time_ns(&st.st_mtim);
}

static int refresh_done(const struct op *o, struct executor *x)
{
	const struct pkg_lists *p = x->pkg ? pkg_lists(x->pkg) : NULL;
	char ours[DIGEST_LEN];
	char now[DIGEST_LEN];
	int64_t sources = 0;
	int64_t lists;

	(void)o;
	if (!x->live || !p)
		return -1;
	lists = lists_time(x, p);
	if (!lists)
		return 0;
	(void)our_refresh(x, ours);
	sources_digest(x, p, now);
	if (str_eq(ours, now))
		return 1;
	for (size_t i = 0; i < COUNT(p->sources) && p->sources[i]; i++) {
		int64_t t = newest(x->root, p->sources[i], NULL, false);

		sources = t > sources ? t : sources;
	}
	return lists > sources;
}

int refresh_lists(struct executor *x, struct err *e)
{
	const struct pkg_lists *p = x->pkg ? pkg_lists(x->pkg) : NULL;
	const struct pkg_run run = package_run(x);
	char now[DIGEST_LEN];

	if (!p)
		return err_set(e, ERR_UNSAT, "no package manager is known here");
	if (pkg_do(x->pkg, PKG_REFRESH, NULL, &run, NULL, e) < 0)
		return err_wrap(e, "cannot read the repositories' lists");
	sources_digest(x, p, now);
	return file_write(x->state_fd, stamp, now, strlen(now), 0600, FILE_SYNC, e);
}

bool lists_are_old(const struct executor *x)
{
	const struct pkg_lists *p = x->pkg ? pkg_lists(x->pkg) : NULL;
	char ours[DIGEST_LEN];
	int64_t refreshed = our_refresh(x, ours);
	int64_t lists = p ? lists_time(x, p) : 0;
	int64_t last = refreshed > lists ? refreshed : lists;

	return last / 1000000000 + OLD_AFTER < time(NULL);
}

static int refresh_apply(const struct op *o, struct executor *x, struct err *e)
{
	(void)o;
	return refresh_lists(x, e);
}

static void refresh_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)o;
	(void)x;
	buf_str(ret, _("read the repositories' package lists anew"));
}

static void refresh_script(const struct op *o, struct script *s)
{
	(void)o;
	script_command(s, PKG_REFRESH, NULL);
}

const struct op_kind op_refresh = {
	.name = "refresh",
	.done = refresh_done,
	.apply = refresh_apply,
	.show = refresh_show,
	.script = refresh_script,
};
