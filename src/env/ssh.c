/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: each environment has ssh/client/ (the user's key and the
 * pinned host key) and ssh/server/ (host key, sshd_config, authorized_keys),
 * which is mounted read-only at /run/dlenv/ssh. The client's configuration is
 * one file of ours with a stanza for each environment; the user's own ssh
 * config gets one Include line. sshd runs as the user (sshd -i, no root, no
 * PAM), its terminals work because devpts is mounted with gid 5.
 */
#include "env/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "env/inside.h"

enum { KEY_MAX = 16384, CONFIG_MAX = 1 << 20 };

static int key_make(const char *path, const char *comment, struct err *e)
{
	const char *const argv[] = {"ssh-keygen", "-q",	   "-t", "ed25519", "-N", "",
				    "-C",	  comment, "-f", path,	    NULL};
	struct proc p = {.argv = argv};
	int status = 0;

	if (access(path, R_OK) == 0)
		return 0;
	if (proc_run(&p, &status, e) < 0)
		return err_hint(e, "install OpenSSH's client (package openssh-client)");
	if (status)
		return err_set(e, ERR_FAIL, "ssh-keygen could not make '%s'", path);
	return 0;
}

static int key_public(const struct env *v, const char *name, char **ret, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, name);

	if (file_read(AT_FDCWD, path, KEY_MAX, ret, NULL, e) < 0)
		return -(int)e->code;
	(*ret)[strcspn(*ret, "\n")] = '\0';
	return 0;
}

/* A word of sshd_config in quotes: it knows \" and \\ only (readconf.c's argv_split rules). */
static void quoted(struct buf *out, const char *text)
{
	buf_str(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_str(out, "\\");
		buf_add(out, text, 1);
	}
	buf_str(out, "\"");
}

static int server_config(const struct env *v, const struct env_def *d, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "ssh/server/sshd_config");
	CLEANUP(strs_fini) struct strs variables = {0};
	CLEANUP(buf_fini) struct buf text = {0};

	inside_variables(v->site, v, d, &variables);
	buf_str(&text, "HostKey /run/dlenv/ssh/host_ed25519\n"
		       "AuthorizedKeysFile /run/dlenv/ssh/authorized_keys\n"
		       "StrictModes no\n" /* the folder is mounted read-only and is ours */
		       "UsePAM no\n"
		       "PidFile none\n"
		       "PasswordAuthentication no\n"
		       "KbdInteractiveAuthentication no\n"
		       "PermitRootLogin prohibit-password\n"
		       "PermitUserEnvironment no\n"
		       "PrintMotd no\n"
		       "PrintLastLog no\n"
		       "X11Forwarding no\n"
		       "AllowTcpForwarding yes\n"
		       "AllowStreamLocalForwarding yes\n"
		       "AcceptEnv LANG LC_* TZ COLORTERM TERM_PROGRAM\n"
		       "Subsystem sftp internal-sftp\n");
	buf_fmt(&text, "AllowAgentForwarding %s\n", d->ssh.forward_agent ? "yes" : "no");
	/* sshd starts sessions with a clean environment; only the first SetEnv line counts. */
	buf_str(&text, "SetEnv");
	for (size_t i = 0; i < variables.n; i++) {
		if (strchr(variables.v[i], '\n'))
			continue;
		buf_str(&text, " ");
		quoted(&text, variables.v[i]);
	}
	buf_str(&text, "\n");
	return file_write(AT_FDCWD, path, text.data, text.len, 0600, 0, e);
}

/* Keys that the user's agent holds: none when there is no agent. */
static void agent_keys(struct buf *out)
{
	static const char *const argv[] = {"ssh-add", "-L", NULL};
	CLEANUP(freep) char *text = NULL;
	struct err e;

	if (getenv("SSH_AUTH_SOCK") && proc_capture(argv, &text, &e) == 0)
		buf_str(out, text);
}

static int authorized_keys(const struct env *v, const struct env_def *d, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "ssh/server/authorized_keys");
	CLEANUP(freep) char *own = NULL;
	CLEANUP(buf_fini) struct buf text = {.max = CONFIG_MAX};

	if (key_public(v, "ssh/client/id_ed25519.pub", &own, e) < 0)
		return -(int)e->code;
	buf_fmt(&text, "%s\n", own);
	for (const char *const *k = d->ssh.keys; k && *k; k++) {
		CLEANUP(freep) char *key = NULL;

		if (str_eq(*k, "agent")) {
			agent_keys(&text);
			continue;
		}
		if (file_read(AT_FDCWD, *k, KEY_MAX, &key, NULL, e) < 0) {
			(void)err_wrap(e, "a key of ssh.keys");
			return err_hint(e, "give the path of a public key (.pub), or take it out "
					   "of dlenv.yaml");
		}
		buf_fmt(&text, "%s\n", key);
	}
	return file_write(AT_FDCWD, path, text.data, text.len, 0600, 0, e);
}

static int known_hosts(const struct env *v, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "ssh/client/known_hosts");
	CLEANUP(freep) char *key = NULL;
	CLEANUP(freep) char *line = NULL;

	if (key_public(v, "ssh/server/host_ed25519.pub", &key, e) < 0)
		return -(int)e->code;
	line = str_fmt("dlenv.%s %s\n", v->name, key);
	return file_write(AT_FDCWD, path, line, strlen(line), 0600, 0, e);
}

int ssh_prepare(struct env *v, const struct env_def *d, struct err *e)
{
	static const char *const folders[] = {"ssh/server", "ssh/client"};
	CLEANUP(freep) char *host = env_path(v, "ssh/server/host_ed25519");
	CLEANUP(freep) char *user = env_path(v, "ssh/client/id_ed25519");
	CLEANUP(freep) char *comment = str_fmt("dlenv.%s", v->name);

	for (size_t i = 0; i < COUNT(folders); i++) {
		CLEANUP(freep) char *path = env_path(v, folders[i]);

		if (dir_make(AT_FDCWD, path, 0700, e) < 0)
			return -(int)e->code;
	}
	if (!d->ssh.enable)
		return 0;
	if (key_make(host, comment, e) < 0 || key_make(user, comment, e) < 0 ||
	    known_hosts(v, e) < 0 || authorized_keys(v, d, e) < 0)
		return -(int)e->code;
	return server_config(v, d, e);
}

static char *client_config(const struct site *s)
{
	return str_fmt("%s/ssh_config", s->paths->config);
}

/* ProxyCommand is run by the user's shell: quote for it, and double % for ssh. */
static void shell_quoted(struct buf *out, const char *text)
{
	buf_str(out, "'");
	for (; *text; text++) {
		if (*text == '\'')
			buf_str(out, "'\\''");
		else if (*text == '%')
			buf_str(out, "%%");
		else
			buf_add(out, text, 1);
	}
	buf_str(out, "'");
}

/* A dlenv that keeps its state elsewhere must find it again when ssh starts it. */
static void proxy_command(struct buf *out, const char *name)
{
	static const char *const kept[] = {"DLENV_DATA", "DLENV_CACHE", "DLENV_RUN",
					   "DLENV_CONFIG"};
	CLEANUP(freep) char *program = env_program();
	bool moved = false;

	for (size_t i = 0; i < COUNT(kept); i++) {
		CLEANUP(freep)
		char *pair = getenv(kept[i]) ? str_fmt("%s=%s", kept[i], getenv(kept[i])) : NULL;

		if (!pair)
			continue;
		buf_str(out, moved ? " " : "env ");
		shell_quoted(out, pair);
		moved = true;
	}
	if (moved)
		buf_str(out, " ");
	shell_quoted(out, program);
	buf_fmt(out, " ssh-proxy %s", name);
}

/*
 * The key exchange that OpenSSH 9 prefers takes two thirds of a connection.
 * ML-KEM is as good and fast; where the client does not know it yet, the
 * plain curve will do for a pipe inside one machine.
 */
static const char *key_exchange(void)
{
	static const char *const argv[] = {"ssh", "-Q", "kex", NULL};
	static const char fast[] = "mlkem768x25519-sha256";
	CLEANUP(freep) char *known = NULL;
	struct err e;

	return proc_capture(argv, &known, &e) == 0 && strstr(known, fast) ? fast
									  : "curve25519-sha256";
}

static void stanza(struct buf *out, const struct env *v, const char *kex, const char *suffix,
		   const char *more)
{
	CLEANUP(freep) char *known = env_path(v, "ssh/client/known_hosts");
	CLEANUP(freep) char *key = env_path(v, "ssh/client/id_ed25519");

	buf_fmt(out, "Host dlenv.%s%s\n", v->name, suffix);
	buf_fmt(out, "\tUser %s\n", v->site->user->name);
	buf_fmt(out, "\tHostKeyAlias dlenv.%s\n", v->name);
	buf_fmt(out, "\tUserKnownHostsFile \"%s\"\n", known);
	buf_fmt(out, "\tIdentityFile \"%s\"\n", key);
	buf_str(out, "\tProxyCommand ");
	proxy_command(out, v->name);
	buf_str(out, "\n\tGlobalKnownHostsFile none\n"
		     "\tStrictHostKeyChecking yes\n"
		     "\tIdentitiesOnly yes\n"
		     "\tForwardAgent no\n"
		     "\tServerAliveInterval 30\n");
	buf_fmt(out, "\tKexAlgorithms %s\n", kex);
	buf_str(out, more);
}

int ssh_client_write(struct site *s, struct err *e)
{
	CLEANUP(freep) char *path = client_config(s);
	CLEANUP(freep) char *lock_path = str_fmt("%s/ssh.lock", s->paths->run);
	CLEANUP(fd_closep) int lock = -1;
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(buf_fini) struct buf text = {0};
	const char *kex = key_exchange();

	if (lock_take(AT_FDCWD, lock_path, 0, NULL, NULL, &lock, e) < 0 ||
	    env_list(s, &names, e) < 0)
		return -(int)e->code;
	buf_str(&text, "# Written by dlenv for its environments; changes are lost.\n");
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(env_close) struct env v = {.lock = -1};

		/* A damaged one must not take ssh from the others. */
		if (env_open(&v, s, names.v[i], 0, e) < 0) {
			dbg("%s", e->msg);
			continue;
		}
		stanza(&text, &v, kex, ".tmux",
		       "\tRequestTTY yes\n"
		       "\tRemoteCommand tmux new-session -A -s main\n");
		stanza(&text, &v, kex, "", "");
	}
	return file_write(AT_FDCWD, path, text.data, text.len, 0600, 0, e);
}

char *ssh_user_config(const struct site *s)
{
	return str_fmt("%s/.ssh/config", s->user->home);
}

char *ssh_include_line(const struct site *s)
{
	CLEANUP(freep) char *path = client_config(s);

	return str_fmt(strchr(path, ' ') ? "Include \"%s\"" : "Include %s", path);
}

/* The line's place in text, counted only before the first Host or Match; NULL: not there. */
static char *include_find(char *text, const char *line)
{
	size_t n = strlen(line);

	for (char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		if (len == n && strncmp(p, line, n) == 0)
			return p;
		if (strncasecmp(p, "host ", 5) == 0 || strncasecmp(p, "match ", 6) == 0)
			return NULL;
		p += len + (p[len] == '\n');
	}
	return NULL;
}

bool ssh_include_is_set(const struct site *s)
{
	CLEANUP(freep) char *path = ssh_user_config(s);
	CLEANUP(freep) char *line = ssh_include_line(s);
	CLEANUP(freep) char *text = NULL;
	struct err e;

	return file_read(AT_FDCWD, path, CONFIG_MAX, &text, NULL, &e) == 0 &&
	       include_find(text, line) != NULL;
}

int ssh_include_set(const struct site *s, bool present, struct err *e)
{
	CLEANUP(freep) char *path = ssh_user_config(s);
	CLEANUP(freep) char *folder = str_fmt("%s/.ssh", s->user->home);
	CLEANUP(freep) char *line = ssh_include_line(s);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(buf_fini) struct buf now = {0};
	char real[PATH_MAX];
	struct stat st = {.st_mode = 0600};
	char *at;

	if (dir_make(AT_FDCWD, folder, 0700, e) < 0)
		return -(int)e->code;
	if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, NULL, e) < 0 && e->code != ERR_ABSENT)
		return -(int)e->code;
	at = text ? include_find(text, line) : NULL;
	if ((at != NULL) == present)
		return 0;
	if (present) {
		buf_fmt(&now, "%s\n", line);
		buf_str(&now, text ? text : "");
	} else {
		buf_add(&now, text, (size_t)(at - text));
		at += strlen(line);
		buf_str(&now, *at == '\n' ? at + 1 : at);
	}
	/* Many people keep this file elsewhere behind a link: keep the link, replace its target. */
	if (!realpath(path, real))
		(void)strncpy(real, path, sizeof(real) - 1);
	else
		(void)stat(real, &st);
	return file_write(AT_FDCWD, real, now.data, now.len, st.st_mode & 0777, FILE_SYNC, e);
}

int ssh_proxy(struct env *v, const struct env_def *d, int *ret_status, struct err *e)
{
	static const char *const argv[] = {
		"/usr/sbin/sshd", "-i", "-e", "-f", "/run/dlenv/ssh/sshd_config", "-o",
		"LogLevel=FATAL", NULL};
	struct enter n = {.args = argv, .cwd = "/"};

	if (env_enter(v, d, &n, ret_status, e) < 0) {
		if (e->code == ERR_NOCMD)
			return err_hint(
				e,
				"the image has no sshd: put openssh-server back into packages.apt");
		return -(int)e->code;
	}
	return 0;
}

static int test_login(const struct env *v, const char *config, bool terminal, struct err *e)
{
	CLEANUP(freep) char *target = str_fmt("dlenv.%s", v->name);
	const char *const argv[] = {"ssh",
				    "-F",
				    config,
				    "-o",
				    "BatchMode=yes",
				    "-o",
				    "LogLevel=ERROR",
				    terminal ? "-tt" : "-T",
				    target,
				    terminal ? "test -t 0" : "true",
				    NULL};
	CLEANUP(buf_fini) struct buf last = {.max = 300};
	struct proc p = {.argv = argv, .timeout_ms = 20000, .last = &last};
	int status = 0;

	if (proc_run(&p, &status, e) < 0)
		return -(int)e->code;
	if (status) {
		(void)err_set(e, ERR_FAIL,
			      terminal ? "a terminal over ssh does not work: %s"
				       : "logging in over ssh does not work: %s",
			      last.data ? last.data : "");
		return err_hint(e, "`ssh -v %s` shows more", target);
	}
	return 0;
}

int ssh_self_test(struct env *v, struct err *e)
{
	CLEANUP(freep) char *config = client_config(v->site);

	if (test_login(v, config, false, e) < 0)
		return -(int)e->code;
	return test_login(v, config, true, e);
}
