/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dpkg dies well nearly everywhere: what is unpacked is configured, and that is all. Only a package
 * whose files were being moved into place ("reinstall required") stops apt, dpkg and every rerun:
 * its archive has to be unpacked once more, or the package has to go.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pkg/pkg_parts.h"

struct broken {
	struct strs again; /* "name=version=architecture": their files are not whole */
	bool half;	   /* others are unpacked, half configured, or wait for triggers */
};

static void broken_fini(struct broken *b)
{
	strs_fini(&b->again);
}

/* "iHR name=version=architecture". */
static void broken_line(struct broken *b, const char *line)
{
	if (strlen(line) < 5)
		return;
	/* Half installed: the same without dpkg's mark, of a removal that was killed. */
	if (line[2] == 'R' || line[1] == 'H')
		strs_add(&b->again, line + 4);
	b->half = b->half || strchr("UFWt", line[1]);
}

static int find_broken(struct broken *b, struct err *e)
{
	static const char *const argv[] = {
		"dpkg-query", "-W", "-f",
		"${db:Status-Abbrev} ${Package}=${Version}=${Architecture}\n", NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	CLEANUP(strs_fini) struct strs updates = {0};
	struct err ignored = {0};
	int status;

	if (pkg_ask(argv, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < lines.n; i++)
		broken_line(b, lines.v[i]);
	/* What dpkg had noted and not merged yet: apt refuses to start over it. */
	if (dir_list(AT_FDCWD, "/var/lib/dpkg/updates", &updates, &ignored) == 0 && updates.n)
		b->half = true;
	return 0;
}

struct repair {
	const struct pkg_manager *m;
	const struct pkg_run *run;
	struct strs *did;
};

static int repair_run(const struct repair *r, const char *const *argv, struct err *e)
{
	return pkg_mend(r->m, argv, r->run, r->did, e);
}

/* Where apt keeps the archive of a package: "name_1%3a2.0_amd64.deb". */
static char *archive_name(const char *name, const char *version, const char *arch)
{
	struct buf b = {0};

	buf_fmt(&b, "%s_", name);
	for (; *version; version++)
		if (*version == ':')
			buf_str(&b, "%3a");
		else
			buf_add(&b, version, 1);
	buf_fmt(&b, "_%s.deb", arch);
	return b.data;
}

/* The archive that apt has still, or one that it fetches into the folder. NULL: there is none. */
static char *archive_of(const struct repair *r, const char *folder, const char *name,
			const char *version, const char *arch)
{
	CLEANUP(freep) char *file = archive_name(name, version, arch);
	CLEANUP(freep) char *kept = str_fmt("/var/cache/apt/archives/%s", file);
	CLEANUP(freep) char *fetched = str_fmt("%s/%s", folder, file);
	CLEANUP(freep) char *what = str_fmt("%s:%s=%s", name, arch, version);
	struct pkg_run run = *r->run;
	struct proc p = {.argv = (const char *const[]){"apt-get", "download",
						       "-oAcquire::Retries=3",
						       "-oAPT::Sandbox::User=root", what, NULL},
			 .cwd = folder,
			 .log_fd = run.log_fd};
	struct err ignored = {0};
	int status;

	if (access(kept, R_OK) == 0)
		return TAKE(kept);
	if (proc_run(&p, &status, &ignored) == 0 && access(fetched, R_OK) == 0)
		return TAKE(fetched);
	return NULL;
}

static int reinstall(const struct repair *r, const char *folder, char *package, struct err *e)
{
	char *version = strchr(package, '=');
	char *arch = version ? strchr(version + 1, '=') : NULL;
	CLEANUP(freep) char *archive = NULL;
	struct err first = {0};

	if (!arch)
		return err_set(e, ERR_PARSE, "dpkg names a package '%s'", package);
	*version++ = '\0';
	*arch++ = '\0';
	archive = archive_of(r, folder, package, version, arch);
	if (archive && repair_run(r,
				  (const char *const[]){"dpkg", "--unpack", "--force-confdef",
							"--force-confold", archive, NULL},
				  &first) == 0)
		return 0;
	return repair_run(r,
			  (const char *const[]){"dpkg", "--remove", "--force-remove-reinstreq",
						"--force-depends", package, NULL},
			  e);
}

static int reinstall_all(const struct repair *r, struct broken *b, struct err *e)
{
	char folder[] = "/var/tmp/dlenv-repair-XXXXXX";
	struct err ignored = {0};
	int code = 0;

	if (!mkdtemp(folder))
		return err_sys(e, "cannot make a folder in '/var/tmp'");
	for (size_t i = 0; i < b->again.n && code == 0; i++)
		code = reinstall(r, folder, b->again.v[i], e);
	(void)!tree_remove(AT_FDCWD, folder, &ignored);
	return code;
}

int apt_repair(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
	       struct err *e)
{
	static const char *const configure[] = {
		"dpkg", "--configure", "-a", "--force-confdef", "--force-confold", NULL};
	static const char *const fix[] = {"apt-get",
					  "install",
					  "-y",
					  "-f",
					  "--no-remove",
					  "-oAcquire::Retries=3",
					  "-oDpkg::Options::=--force-confdef",
					  "-oDpkg::Options::=--force-confold",
					  NULL};
	CLEANUP(broken_fini) struct broken b = {0};
	const struct repair r = {m, run, ret_did};
	struct err first = {0};

	if (find_broken(&b, e) < 0)
		return -(int)e->code;
	if (!b.again.n && !b.half)
		return 0;
	if (b.again.n && reinstall_all(&r, &b, e) < 0)
		return -(int)e->code;
	/* What this cannot configure lacks a dependency: the next one brings it. */
	(void)repair_run(&r, configure, &first);
	return repair_run(&r, fix, e);
}
