/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: apt-get of the image itself runs in a container whose root
 * is an overlay of the layers below and the new, empty one. Three runs: fetch
 * the lists, ask what would be done (unknown packages and a full disk show up
 * here, before anything is downloaded), do it. The lists and archives of apt
 * are folders of dlenv's cache, so that an interrupted download goes on and the
 * layer stays free of them.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "engine/build_parts.h"
#include "engine/container.h"
#include "runtime/runtime.h"

enum { NEAR_EDITS = 2, SHM_BYTES = 64 << 20 };

/* A build with apt-get; args are those of the run that is next or at work. */
struct apt {
	struct build_step *st;
	struct apt_output out;
	struct strs args;
	const char *const *unknown; /* names to find something near for, NULL-terminated */
	char near[80];
	size_t near_edits;
};

static void apt_fini(struct apt *a)
{
	strs_fini(&a->args);
}

/* Replace the calls that flush to disk by ones that do nothing (build_sync_calls). */
static int seccomp_without_sync(const char *file, struct err *e)
{
	CLEANUP(json_unrefp) json_t *top = json_load_file(file, 0, NULL);
	json_t *calls = json_object_get(json_object_get(json_object_get(top, "linux"), "seccomp"),
					"syscalls");
	json_t *ours = json_array();
	size_t i;
	json_t *group;

	for (const char *const *name = build_sync_calls; *name; name++)
		(void)json_array_append_new(ours, json_string(*name));
	json_array_foreach(calls, i, group)
	{
		json_t *names = json_object_get(group, "names");

		for (size_t k = json_array_size(names); k > 0; k--)
			for (const char *const *name = build_sync_calls; *name; name++)
				if (str_eq(json_string_value(json_array_get(names, k - 1)),
					   *name)) {
					(void)json_array_remove(names, k - 1);
					break;
				}
	}
	if (json_array_append_new(calls, json_pack("{s:o, s:s, s:i}", "names", ours, "action",
						   "SCMP_ACT_ERRNO", "errnoRet", 0)) < 0)
		return err_set(e, ERR_BUG, "config.json of a build has no system call filter");
	return json_write_file(AT_FDCWD, file, top, 0600, 0, e);
}

static void add_env(struct strs *env)
{
	static const char *const fixed[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"TERM=dumb",
		"LC_ALL=C.UTF-8",
		"DEBIAN_FRONTEND=noninteractive",
		"DEBCONF_NONINTERACTIVE_SEEN=true",
		NULL,
	};
	static const char *const kept[] = {"http_proxy", "https_proxy", "no_proxy",
					   "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"};

	strs_add_all(env, fixed);
	for (size_t i = 0; i < COUNT(kept); i++)
		if (getenv(kept[i]))
			strs_fmt(env, "%s=%s", kept[i], getenv(kept[i]));
}

/* A file of the host at the same place inside, whatever links lead to it. */
static void bind_host_file(struct container *c, const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real))
		container_bind(c, real, path, true);
}

static int write_bundle(const struct apt *a, struct err *e)
{
	const struct build_step *st = a->st;
	CLEANUP(container_fini) struct container c = {0};
	CLEANUP(strs_fini) struct strs env = {0};
	CLEANUP(freep) char *archives = str_fmt("%s/apt/archives", st->b->paths->cache);
	CLEANUP(freep) char *lists = str_fmt("%s/apt/lists", st->b->paths->cache);
	CLEANUP(freep) char *config = str_fmt("%s/config.json", st->aside);
	CLEANUP(freep) char *id = str_fmt("build-%.12s", st->out->id);

	container_init(&c);
	add_env(&env);
	c.id = id;
	c.lowers = (const char *const *)st->lowers->v;
	c.upper = st->files;
	c.work = st->work;
	c.args = (const char *const *)a->args.v;
	c.env = (const char *const *)env.v;
	c.cwd = "/";
	c.map = st->b->map;
	c.net = NET_HOST;
	c.shm = SHM_BYTES;
	container_tmpfs(&c, "/tmp", "nosuid,nodev,mode=1777");
	container_tmpfs(&c, "/run", "nosuid,nodev,mode=755");
	container_bind(&c, archives, "/var/cache/apt/archives", false);
	container_bind(&c, lists, "/var/lib/apt/lists", false);
	container_bind(&c, st->aside, "/mnt", true);
	bind_host_file(&c, "/etc/resolv.conf");
	bind_host_file(&c, "/etc/hosts");
	if (bundle_write(&c, st->aside, e) < 0)
		return -(int)e->code;
	return seccomp_without_sync(config, e);
}

/* In the job's process. */
static int run_container(void *arg, struct err *e)
{
	const struct apt *a = arg;
	const struct build *b = a->st->b;
	CLEANUP(freep) char *cache = str_fmt("%s/seccomp", b->paths->cache);
	CLEANUP(freep) char *id = str_fmt("build-%.12s", a->st->out->id);
	struct rt_opts o = {
		.bundle = a->st->aside,
		.id = id,
		.seccomp_cache = cache,
		.stdio = {-1, -1, -1},
		.preserve_fds = 1,
	};
	int status = 0;

	if (rt_run(&o, &status, e) < 0)
		return err_wrap(e, "cannot start a container for the build");
	if (status)
		return err_set(e, ERR_FAIL, "'%s' failed with status %d in the layer '%s'",
			       a->args.v[0], status, a->st->def->title);
	return 0;
}

static int run(struct apt *a, proc_line_fn *on_line, proc_line_fn *on_status, struct err *e)
{
	struct job j = {
		.b = a->st->b,
		.fn = run_container,
		.arg = a,
		.on_line = on_line,
		.on_status = on_status,
		.line_arg = a,
	};
	int code;

	if (write_bundle(a, e) < 0)
		return -(int)e->code;
	code = job_run(&j, e);
	if (a->unknown == NULL && j.trouble.unknown.n && e->code == ERR_ABSENT) {
		/* Kept for suggest(), which needs the list after this job has gone. */
		strs_fini(&a->args);
		strs_add_all(&a->args, (const char *const *)j.trouble.unknown.v);
	}
	trouble_fini(&j.trouble);
	return code;
}

static void apt_args(struct apt *a, const char *const *more)
{
	static const char *const common[] = {
		"apt-get",
		"-c=/mnt/apt.conf",
		"-y",
		"-q",
		"-oAPT::Status-Fd=3",
		"-oAPT::Update::Error-Mode=any",
		"-oAPT::Install-Recommends=false",
		"-oDir::Etc::SourceList=/mnt/dlenv.sources",
		"-oDir::Etc::SourceParts=-",
		"-oDpkg::Use-Pty=0",
		"-oDpkg::Options::=--force-unsafe-io",
		"-oDpkg::Options::=--force-confdef",
		"-oDpkg::Options::=--force-confold",
		"-oAcquire::Retries=3",
		NULL,
	};

	strs_fini(&a->args);
	strs_add_all(&a->args, common);
	strs_add_all(&a->args, more);
}

static void add_names(struct apt *a)
{
	for (const char *const *p = a->st->def->packages; *p; p++)
		strs_add(&a->args, *p);
}

static int on_size(void *arg, const char *line)
{
	struct apt *a = arg;

	apt_output_line(&a->out, line);
	return 0;
}

static int on_status(void *arg, const char *line)
{
	struct apt *a = arg;
	struct progress_event ev = {0};

	if (apt_output_status(&a->out, line, &ev))
		build_report(a->st->b, ev.phase, ev.note, ev.done, ev.total, ev.unit);
	return 0;
}

static int on_update(void *arg, const char *line)
{
	const struct apt *a = arg;

	if (str_starts(line, "dlstatus:"))
		build_report(a->st->b, N_("download"), N_("package lists"), 0, 0, PROGRESS_NONE);
	return 0;
}

static int on_name(void *arg, const char *line)
{
	struct apt *a = arg;

	for (const char *const *u = a->unknown; *u; u++) {
		size_t edits = str_distance(line, *u);

		if (edits < a->near_edits && strlen(line) < sizeof(a->near)) {
			a->near_edits = edits;
			(void)memcpy(a->near, line, strlen(line) + 1);
		}
	}
	return 0;
}

/* e is about packages that do not exist: add a name that does. */
static void suggest(struct apt *a, struct err *e)
{
	CLEANUP(strs_fini) struct strs unknown = a->args;
	struct err ignored = {0};

	a->args = (struct strs){0};
	a->unknown = (const char *const *)unknown.v;
	a->near_edits = NEAR_EDITS + 1;
	strs_add_all(&a->args,
		     (const char *const[]){"apt-cache", "-c=/mnt/apt.conf",
					   "-oDir::Etc::SourceList=/mnt/dlenv.sources",
					   "-oDir::Etc::SourceParts=-", "pkgnames", NULL});
	if (run(a, on_name, NULL, &ignored) == 0 && a->near[0])
		(void)err_hint(e,
			       "did you mean '%s'? `packages.apt` in dlenv.yaml takes the names of "
			       "Debian packages",
			       a->near);
	else
		(void)err_hint(e,
			       "`packages.apt` in dlenv.yaml takes the names of Debian packages");
}

static int check_space(const struct apt *a, struct err *e)
{
	const struct paths *p = a->st->b->paths;

	/* Mostly one file system: then both are needed there at the same time. */
	if (build_check_space(p->data, a->out.unpacked + a->out.download, e) < 0 ||
	    build_check_space(p->cache, a->out.download, e) < 0)
		return -(int)e->code;
	return 0;
}

static int install(struct apt *a, struct err *e)
{
	apt_args(a, (const char *const[]){"update", NULL});
	build_report(a->st->b, N_("download"), N_("package lists"), 0, 0, PROGRESS_NONE);
	if (run(a, NULL, on_update, e) < 0)
		return -(int)e->code;
	apt_args(a, (const char *const[]){"install", "--print-uris", NULL});
	add_names(a);
	if (run(a, on_size, NULL, e) < 0) {
		if (e->code == ERR_ABSENT)
			suggest(a, e);
		return -(int)e->code;
	}
	if (check_space(a, e) < 0)
		return -(int)e->code;
	apt_args(a, (const char *const[]){"install", NULL});
	add_names(a);
	return run(a, NULL, on_status, e);
}

static void waiting(void *arg)
{
	build_report(arg, N_("wait"), N_("another build uses the package cache"), 0, 0,
		     PROGRESS_NONE);
}

/* apt wants its folders to be there; the lock is for two builds at once. */
static int open_cache(const struct build *b, int *ret_lock, struct err *e)
{
	CLEANUP(freep) char *archives = str_fmt("%s/apt/archives/partial", b->paths->cache);
	CLEANUP(freep) char *lists = str_fmt("%s/apt/lists/partial", b->paths->cache);
	CLEANUP(freep) char *lock = str_fmt("%s/apt/lock", b->paths->cache);

	if (dir_make(AT_FDCWD, archives, 0755, e) < 0 || dir_make(AT_FDCWD, lists, 0755, e) < 0)
		return -(int)e->code;
	return lock_take(AT_FDCWD, lock, 0, waiting, (void *)b, ret_lock, e);
}

int build_packages(struct build_step *st, struct err *e)
{
	CLEANUP(freep)
	char *sources =
		sources_text(st->b, st->src, "/usr/share/keyrings/debian-archive-keyring.gpg");
	CLEANUP(freep) char *sources_path = str_fmt("%s/dlenv.sources", st->aside);
	CLEANUP(freep) char *conf_path = str_fmt("%s/apt.conf", st->aside);
	CLEANUP(apt_fini) struct apt a = {.st = st};
	CLEANUP(fd_closep) int lock = -1;

	if (file_write(AT_FDCWD, sources_path, sources, strlen(sources), 0644, 0, e) < 0 ||
	    file_write(AT_FDCWD, conf_path, st->src->conf, strlen(st->src->conf), 0600, 0, e) < 0 ||
	    open_cache(st->b, &lock, e) < 0)
		return -(int)e->code;
	return install(&a, e);
}
