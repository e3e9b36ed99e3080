/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "config.h"

bool env_allows(const char *feature)
{
	const char *list = getenv("DLENV_NO");

	return !list || !str_list_has(list, ',', feature);
}

char *env_program(void)
{
	const char *told = getenv("DLENV_PROGRAM");
	char path[PATH_MAX];
	ssize_t n;

	if (told && told[0] == '/' && access(told, X_OK) == 0)
		return str_dup(told);
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return str_dup("dlenv");
	path[n] = '\0';
	return str_dup(path);
}

char *env_libexec(const char *name, const char *folder)
{
	CLEANUP(freep) char *program = env_program();
	CLEANUP(strs_fini) struct strs places = {0};
	char *slash = strrchr(program, '/');

	if (slash) {
		*slash = '\0';
		strs_fmt(&places, "%s/%s", program, name);
		strs_fmt(&places, "%s/../%s/%s", program, folder, name);
		strs_fmt(&places, "%s/../libexec/dlenv/%s", program, name);
	}
	strs_fmt(&places, "%s/%s", DLENV_LIBEXEC, name);
	for (size_t i = 0; i < places.n; i++)
		if (access(places.v[i], X_OK) == 0)
			return realpath(places.v[i], NULL);
	return NULL;
}

struct place {
	const char *override; /* environment variable that names the folder */
	const char *system;   /* root's folder */
	const char *xdg;      /* XDG variable */
	const char *below_home;
	const char *leaf; /* below either */
	mode_t mode;	  /* of root's folder; everybody else's are private */
	size_t offset;
};

/*
 * run is not in XDG_RUNTIME_DIR: that one goes away at logout while containers
 * go on, and logins without one would look elsewhere. Records name the boot
 * instead, so that those of an earlier one are known.
 */
static const struct place places[] = {
	{"DLENV_DATA", "/var/lib/dlenv", "XDG_DATA_HOME", ".local/share", "dlenv", 0700,
	 offsetof(struct paths, data)},
	{"DLENV_CACHE", "/var/cache/dlenv", "XDG_CACHE_HOME", ".cache", "dlenv", 0700,
	 offsetof(struct paths, cache)},
	{"DLENV_RUN", "/run/dlenv", "XDG_DATA_HOME", ".local/share", "dlenv/run", 0700,
	 offsetof(struct paths, run)},
	{"DLENV_CONFIG", "/etc/dlenv", "XDG_CONFIG_HOME", ".config", "dlenv", 0755,
	 offsetof(struct paths, config)},
};

static char *place_choose(const struct place *p, const struct user *u)
{
	const char *override = getenv(p->override);
	const char *data = getenv("DLENV_DATA");
	const char *xdg = getenv(p->xdg);

	if (override && override[0] == '/')
		return str_dup(override);
	/* What runs belongs to the data it runs from. */
	if (p->offset == offsetof(struct paths, run) && data && data[0] == '/')
		return str_fmt("%s/run", data);
	if (geteuid() == 0)
		return str_dup(p->system);
	if (xdg && xdg[0] == '/')
		return str_fmt("%s/%s", xdg, p->leaf);
	return str_fmt("%s/%s/%s", u->home, p->below_home, p->leaf);
}

static int place_make(const struct place *p, const char *path, struct err *e)
{
	mode_t mode = str_eq(path, p->system) ? p->mode : 0700;
	struct stat st;

	if (dir_make(AT_FDCWD, path, 0700, e) < 0) {
		if (e->code == ERR_PRIV || e->sys == EROFS)
			(void)err_hint(e, "give dlenv another folder with DLENV_DATA, DLENV_CACHE, "
					  "DLENV_RUN and DLENV_CONFIG");
		return -(int)e->code;
	}
	if (lstat(path, &st) < 0)
		return err_sys(e, "cannot read the folder '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		(void)err_set(e, ERR_PRIV, "'%s' does not belong to you", path);
		return err_hint(e, "remove it, or give dlenv another folder with DLENV_DATA, "
				   "DLENV_CACHE, DLENV_RUN and DLENV_CONFIG");
	}
	/* The administrator's settings are for everybody to read. */
	if (mode != 0700 && (st.st_mode & 07777) == 0700 && chmod(path, mode) < 0)
		return err_sys(e, "cannot set the mode of '%s'", path);
	return 0;
}

int paths_init(struct paths *p, struct err *e)
{
	CLEANUP(user_fini) struct user u = {0};

	if (user_init(&u, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(places); i++) {
		char **slot = (char **)((char *)p + places[i].offset);

		*slot = place_choose(&places[i], &u);
		if (place_make(&places[i], *slot, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

void paths_fini(struct paths *p)
{
	for (size_t i = 0; i < COUNT(places); i++)
		freep((char *)p + places[i].offset);
}

/* name:password:uid:gid:comment:home:shell, cut up in place; false when malformed. */
static bool passwd_split(char *line, char *field[7])
{
	for (int i = 0; i < 7; i++) {
		field[i] = line;
		line = strchr(line, ':');
		if (!line)
			return i == 6;
		*line++ = '\0';
	}
	return false;
}

/* The account of a name or, where that is NULL, of an id. */
static bool passwd_find(char *text, const char *name, uid_t uid, struct user *u)
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct err e;
		char *field[7];
		uint64_t id;
		uint64_t group;

		if (!passwd_split(l, field) ||
		    parse_uint(field[2], UINT32_MAX, "uid", &id, &e) < 0 ||
		    parse_uint(field[3], UINT32_MAX, "gid", &group, &e) < 0 ||
		    (name ? !str_eq(name, field[0]) : id != uid))
			continue;
		*u = (struct user){.uid = (uid_t)id,
				   .gid = (gid_t)group,
				   .name = str_dup(field[0]),
				   .home = str_dup(field[5]),
				   .shell = str_dup(field[6])};
		return true;
	}
	return false;
}

bool user_in(char *passwd, const char *name, struct user *u)
{
	return passwd_find(passwd, name, 0, u);
}

static bool account_find(const char *name, uid_t uid, struct user *u)
{
	enum { PASSWD_MAX = 4 << 20 };
	CLEANUP(freep) char *passwd = NULL;
	CLEANUP(freep) char *answer = NULL;
	CLEANUP(freep) char *id = str_fmt("%u", (unsigned int)uid);
	const char *const getent[] = {"getent", "passwd", name ? name : id, NULL};
	struct err e = {0};

	if (file_read(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &passwd, NULL, &e) == 0 &&
	    passwd_find(passwd, name, uid, u))
		return true;
	/* LDAP and the like: a static program has no NSS, so ask getent. */
	return proc_capture(getent, &answer, &e) == 0 && passwd_find(answer, name, uid, u);
}

int user_of(uid_t uid, struct user *u, struct err *e)
{
	if (!account_find(NULL, uid, u))
		return err_set(e, ERR_ABSENT, "no account has the user id %u", (unsigned int)uid);
	return 0;
}

int user_init(struct user *u, struct err *e)
{
	uid_t uid = geteuid();

	if (user_of(uid, u, e) < 0)
		return err_hint(e, "`getent passwd %u` must print your account", (unsigned int)uid);
	u->gid = getegid();
	return 0;
}

int user_find(const char *name, struct user *u, struct err *e)
{
	/* A name that begins with '-' would be an option of getent. */
	if (name[0] == '-' || !account_find(name, 0, u))
		return err_set(e, ERR_ABSENT, "there is no user '%s'", name);
	return 0;
}

void user_fini(struct user *u)
{
	freep(&u->name);
	freep(&u->home);
	freep(&u->shell);
}
