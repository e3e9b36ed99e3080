/* SPDX-License-Identifier: Apache-2.0 */
#include "env/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

enum { SMALL_FILE = 1 << 20, CA_MAX = 16 << 20 };

char *inside_workspace(const struct site *s)
{
	return str_fmt("%s/workspace", s->user->home);
}

/* Is path the folder itself or something below it? Compared by component. */
static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '/' || !path[n] || str_eq(folder, "/"));
}

/*
 * May the project be mounted at its own path? Not when that would cover the
 * home folder or what the container itself needs.
 */
static bool has_own_path(const struct site *s, const char *folder)
{
	static const char *const system[] = {"/proc", "/sys",  "/dev",	       "/run",
					     "/etc",  "/usr",  "/bin",	       "/sbin",
					     "/lib",  "/boot", "/var/lib/dpkg"};

	if (is_below(s->user->home, folder))
		return false;
	for (size_t i = 0; i < COUNT(system); i++)
		if (is_below(folder, system[i]) || is_below(system[i], folder))
			return false;
	return true;
}

char *inside_cwd(const struct site *s, const struct env_def *d)
{
	char here[PATH_MAX];

	if (getcwd(here, sizeof(here)) && here[0] == '/' && is_below(here, d->folder)) {
		if (has_own_path(s, d->folder))
			return str_dup(here);
		return str_fmt("%s/workspace%s", s->user->home,
			       str_eq(d->folder, "/") ? here : here + strlen(d->folder));
	}
	return inside_workspace(s);
}

/* The host's zone: /etc/timezone, else the target of /etc/localtime below zoneinfo. */
static char *host_zone(void)
{
	static const char marker[] = "/zoneinfo/";
	CLEANUP(freep) char *text = NULL;
	char target[PATH_MAX];
	const char *at = NULL;
	struct err e;
	ssize_t n;

	if (file_read(AT_FDCWD, "/etc/timezone", 256, &text, NULL, &e) == 0) {
		text[strcspn(text, "\n")] = '\0';
		if (text[0])
			return TAKE(text);
	}
	n = readlink("/etc/localtime", target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		at = strstr(target, marker);
	}
	return str_dup(at ? at + strlen(marker) : "UTC");
}

static void add_proxy(struct strs *ret, const char *lower, const char *upper, const char *value)
{
	if (str_eq(value, "none") || !value)
		return;
	if (str_eq(value, "host"))
		value = getenv(lower) ? getenv(lower) : getenv(upper);
	if (!value || !value[0])
		return;
	strs_fmt(ret, "%s=%s", lower, value);
	strs_fmt(ret, "%s=%s", upper, value);
}

static bool ca_wanted(const struct env_def *d)
{
	return d->ca_certificates && d->ca_certificates[0] &&
	       !str_eq(d->ca_certificates[0], "none");
}

static void add_certificates(const struct env *v, const struct env_def *d, struct strs *ret)
{
	static const char *const names[] = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
					    "NODE_EXTRA_CA_CERTS", "PIP_CERT", "CURL_CA_BUNDLE"};
	CLEANUP(freep) char *file = v ? env_path(v, "run/ca-certificates.crt") : NULL;

	if (!file || !ca_wanted(d) || access(file, R_OK) < 0)
		return;
	for (size_t i = 0; i < COUNT(names); i++)
		strs_fmt(ret, "%s=/run/dlenv/ca-certificates.crt", names[i]);
}

void inside_set(struct strs *vars, const char *variable)
{
	size_t n = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < vars->n; i++)
		if (strncmp(vars->v[i], variable, n) == 0) {
			free(vars->v[i]);
			vars->v[i] = str_dup(variable);
			return;
		}
	strs_add(vars, variable);
}

void inside_variables(const struct site *s, const struct env *v, const struct env_def *d,
		      struct strs *ret)
{
	CLEANUP(freep) char *zone = str_eq(d->run.tz, "host") ? host_zone() : str_dup(d->run.tz);

	strs_fmt(ret,
		 "PATH=%s/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		 s->user->home);
	strs_fmt(ret, "HOME=%s", s->user->home);
	strs_fmt(ret, "USER=%s", s->user->name);
	strs_fmt(ret, "LOGNAME=%s", s->user->name);
	strs_add(ret, "SHELL=/bin/bash");
	/* The image has C.UTF-8 only; another locale must be installed and asked for. */
	strs_fmt(ret, "LANG=%s", str_eq(d->run.lang, "host") ? "C.UTF-8" : d->run.lang);
	strs_fmt(ret, "TZ=%s", zone);
	strs_fmt(ret, "DLENV_NAME=%s", v ? v->name : d->preset_name);
	/* The environment is the virtual environment: `pip install` goes into the user's home. */
	strs_add(ret, "PIP_BREAK_SYSTEM_PACKAGES=1");
	add_proxy(ret, "http_proxy", "HTTP_PROXY", d->proxy.http);
	add_proxy(ret, "https_proxy", "HTTPS_PROXY", d->proxy.https);
	add_proxy(ret, "no_proxy", "NO_PROXY", d->proxy.no);
	add_certificates(v, d, ret);
	for (size_t i = 0; i < d->run.env.n; i++)
		strs_fmt(ret, "%s=%s", d->run.env.items[i].key, d->run.env.items[i].value);
	for (size_t i = 0; v && i < v->rec.variables.n; i++)
		inside_set(ret, v->rec.variables.v[i]);
}

/*
 * A mount point below the home folder is made by the user, not by the
 * container's root, so that the user can remove it.
 */
static int home_point(const struct env *v, const char *at, struct err *e)
{
	CLEANUP(freep) char *home = v ? env_path(v, "home") : NULL;
	CLEANUP(fd_closep) int fd = -1;
	const char *user_home;

	if (!v)
		return 0;
	user_home = v->site->user->home;
	if (!is_below(at, user_home) || str_eq(at, user_home))
		return 0;
	if (dir_open(AT_FDCWD, home, &fd, e) < 0)
		return -(int)e->code;
	return dir_make(fd, below(at + strlen(user_home)), 0755, e);
}

static int bind_folder(const struct env *v, struct container *c, const char *source, const char *at,
		       bool read_only, struct err *e)
{
	if (home_point(v, at, e) < 0)
		return -(int)e->code;
	container_bind(c, source, at, read_only);
	return 0;
}

static int add_project(struct site *s, const struct env *v, const struct env_def *d,
		       struct container *c, struct err *e)
{
	CLEANUP(freep) char *workspace = inside_workspace(s);

	if (access(d->folder, R_OK | X_OK) < 0) {
		(void)err_sys(e, "the project folder '%s' cannot be read", d->folder);
		return err_hint(e, "run dlenv in a folder of yours, or mend its permissions");
	}
	if (has_own_path(s, d->folder) && bind_folder(v, c, d->folder, d->folder, false, e) < 0)
		return -(int)e->code;
	return bind_folder(v, c, d->folder, workspace, false, e);
}

static int add_mount(struct site *s, const struct env *v, const struct def_mount *m,
		     struct container *c, struct err *e)
{
	CLEANUP(freep) char *made = NULL;

	if (m->kind == DEF_VOLUME)
		made = str_fmt("%s/volumes/%s", s->paths->data, m->source);
	else if (m->kind == DEF_CACHE)
		made = str_fmt("%s/shared/%s", s->paths->cache, m->source);
	if (made && dir_make(AT_FDCWD, made, 0755, e) < 0)
		return -(int)e->code;
	if (!made && access(m->source, R_OK) < 0) {
		(void)err_sys(e, "the folder '%s' of a mount cannot be read", m->source);
		return err_hint(e, "create it, or take the mount out of dlenv.yaml");
	}
	return bind_folder(v, c, made ? made : m->source, m->at, m->read_only, e);
}

/* Text from the host's own resolver; its loopback stub is out of reach in another network. */
static int write_resolv(const struct env *v, enum net_mode net, struct container *c, struct err *e)
{
	static const char upstream[] = "/run/systemd/resolve/resolv.conf";
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *path = env_path(v, "run/resolv.conf");

	if (file_read(AT_FDCWD, "/etc/resolv.conf", SMALL_FILE, &text, NULL, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	if (net != NET_HOST && strstr(text, "127.0.0.53") && access(upstream, R_OK) == 0) {
		freep(&text);
		if (file_read(AT_FDCWD, upstream, SMALL_FILE, &text, NULL, e) < 0)
			return -(int)e->code;
	}
	if (file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, e) < 0)
		return -(int)e->code;
	container_bind(c, path, "/etc/resolv.conf", false);
	return 0;
}

static int write_hosts(const struct env *v, struct container *c, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *hosts = env_path(v, "run/hosts");
	CLEANUP(freep) char *hostname = env_path(v, "run/hostname");
	CLEANUP(freep) char *name = str_fmt("%s\n", v->name);
	CLEANUP(buf_fini) struct buf all = {0};

	if (file_read(AT_FDCWD, "/etc/hosts", SMALL_FILE, &text, NULL, e) < 0 &&
	    e->code != ERR_ABSENT)
		return -(int)e->code;
	buf_str(&all, text ? text : "127.0.0.1 localhost\n::1 localhost\n");
	if (all.len && all.data[all.len - 1] != '\n')
		buf_str(&all, "\n");
	buf_fmt(&all, "127.0.1.1 %s\n", v->name);
	if (file_write(AT_FDCWD, hosts, all.data, all.len, 0644, 0, e) < 0 ||
	    file_write(AT_FDCWD, hostname, name, strlen(name), 0644, 0, e) < 0)
		return -(int)e->code;
	container_bind(c, hosts, "/etc/hosts", false);
	container_bind(c, hostname, "/etc/hostname", false);
	return 0;
}

/* The host's certificates, and further files: one bundle that programs are pointed at. */
static int write_certificates(const struct env *v, const struct env_def *d, struct err *e)
{
	static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
					      "/etc/pki/tls/certs/ca-bundle.crt",
					      "/etc/ssl/ca-bundle.pem"};
	CLEANUP(freep) char *path = env_path(v, "run/ca-certificates.crt");
	CLEANUP(buf_fini) struct buf all = {.max = CA_MAX};

	buf_str(&all, "");
	for (size_t i = 0; ca_wanted(d) && i < COUNT(bundles) && !all.len; i++) {
		CLEANUP(freep) char *text = NULL;

		if (file_read(AT_FDCWD, bundles[i], CA_MAX, &text, NULL, e) == 0)
			buf_str(&all, text);
	}
	for (size_t i = 0; ca_wanted(d) && d->ca_certificates[i]; i++) {
		CLEANUP(freep) char *text = NULL;

		if (str_eq(d->ca_certificates[i], "host"))
			continue;
		if (file_read(AT_FDCWD, d->ca_certificates[i], CA_MAX, &text, NULL, e) < 0)
			return err_wrap(e, "a certificate of dlenv.yaml");
		buf_str(&all, text);
		buf_str(&all, "\n");
	}
	if (!all.len) {
		(void)unlink(path);
		return 0;
	}
	return file_write(AT_FDCWD, path, all.data, all.len, 0644, 0, e);
}

static int add_state(struct site *s, const struct env *v, const struct env_def *d,
		     struct container *c, struct err *e)
{
	CLEANUP(freep) char *home = env_path(v, "home");
	CLEANUP(freep) char *run = env_path(v, "run");
	CLEANUP(freep) char *ssh = env_path(v, "ssh/server");
	CLEANUP(freep) char *jupyter = env_path(v, "jupyter");

	container_bind(c, home, s->user->home, false);
	container_tmpfs(c, "/run", "nosuid,nodev,mode=755");
	container_bind(c, run, "/run/dlenv", false);
	container_bind(c, ssh, "/run/dlenv/ssh", true);
	container_bind(c, jupyter, "/run/dlenv/jupyter", true);
	/* sshd as root wants its empty folder for privilege separation. */
	container_tmpfs(c, "/run/sshd", "nosuid,nodev,noexec,mode=755,size=4k");
	if (write_resolv(v, c->net, c, e) < 0 || write_hosts(v, c, e) < 0)
		return -(int)e->code;
	return write_certificates(v, d, e);
}

/* A throw-away container shares the host's names as they are. */
static void add_host_names(struct container *c)
{
	static const char *const files[] = {"/etc/resolv.conf", "/etc/hosts"};

	for (size_t i = 0; i < COUNT(files); i++) {
		char real[PATH_MAX];

		if (realpath(files[i], real))
			container_bind(c, real, files[i], true);
	}
}

static bool is_default(const struct env_def *d, const char *key)
{
	for (size_t i = 0; i < d->values_n; i++)
		if (str_eq(d->values[i].key, key))
			return str_eq(d->values[i].origin, "default");
	return true;
}

/*
 * Our defaults are "as much as the caller may have": without a warning they
 * become the hard limit. What the user wrote stays, and is warned about.
 */
static void add_limit(const struct env_def *d, struct container *c, const char *key,
		      const char *name, int resource, uint64_t value)
{
	struct rlimit now;

	if (is_default(d, key) && getrlimit((__rlimit_resource_t)resource, &now) == 0 &&
	    now.rlim_max < value)
		value = now.rlim_max;
	container_limit(c, name, value, value);
}

static uint64_t shm_size(const struct site *s, const struct env_def *d)
{
	const uint64_t gib = 1ULL << 30;
	uint64_t size = s->host.memory / 2;

	if (d->run.shm)
		return d->run.shm;
	if (s->host.nvidia_gpus && size > 8 * gib * s->host.nvidia_gpus)
		size = 8 * gib * s->host.nvidia_gpus;
	return size > gib ? size : gib;
}

int inside_fill(struct site *s, const struct env *v, const struct env_def *d, struct container *c,
		struct err *e)
{
	c->shm = shm_size(s, d);
	c->memory = d->run.memory;
	c->cpus = d->run.cpus;
	c->pids = d->run.pids;
	add_limit(d, c, "run.ulimits.memlock", "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK,
		  d->run.ulimits.memlock);
	add_limit(d, c, "run.ulimits.stack", "RLIMIT_STACK", RLIMIT_STACK, d->run.ulimits.stack);
	add_limit(d, c, "run.ulimits.nofile", "RLIMIT_NOFILE", RLIMIT_NOFILE,
		  d->run.ulimits.nofile);
	if (v && add_state(s, v, d, c, e) < 0)
		return -(int)e->code;
	if (!v)
		add_host_names(c);
	if (add_project(s, v, d, c, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < d->mounts_n; i++)
		if (add_mount(s, v, &d->mounts[i], c, e) < 0)
			return -(int)e->code;
	return 0;
}

/* The terminal's own variables; everything else of the caller stays outside. */
void inside_terminal(struct strs *vars)
{
	static const char *const kept[] = {"TERM", "COLORTERM", "TERM_PROGRAM", "NO_COLOR"};

	for (size_t i = 0; i < COUNT(kept); i++)
		if (getenv(kept[i]))
			strs_fmt(vars, "%s=%s", kept[i], getenv(kept[i]));
}
