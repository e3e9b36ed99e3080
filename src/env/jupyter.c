/* SPDX-License-Identifier: Apache-2.0 */
#include "env/jupyter.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/net.h"
#include "env/inside.h"

enum { TOKEN_BYTES = 32, TOKEN_LEN = 64, FIRST_PORT = 8888, LAST_PORT = 8987 };

static int token_make(const struct env *v, struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	CLEANUP(freep) char *path = env_path(v, "jupyter/token");
	unsigned char raw[TOKEN_BYTES];
	char text[2 * TOKEN_BYTES];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(e, "cannot get random bytes for the token");
	for (size_t i = 0; i < sizeof(raw); i++) {
		text[2 * i] = digits[raw[i] >> 4];
		text[2 * i + 1] = digits[raw[i] & 15];
	}
	return file_write(AT_FDCWD, path, text, sizeof(text), 0600, FILE_SYNC, e);
}

static int token_read(const struct env *v, char **ret, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "jupyter/token");
	CLEANUP(freep) char *text = NULL;

	if (file_read(AT_FDCWD, path, 256, &text, NULL, e) < 0)
		return -(int)e->code;
	text[strspn(text, "0123456789abcdef")] = '\0';
	if (strlen(text) != TOKEN_LEN)
		return err_set(e, ERR_VERIFY, "'%s' does not hold a token", path);
	*ret = TAKE(text);
	return 0;
}

/* The token goes in by a 0600 file: a command line or a variable can be seen by others. */
static int config_write(const struct env *v, const struct env_def *d, const char *token,
			struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "jupyter/jupyter_server_config.json");
	CLEANUP(freep) char *workspace = inside_workspace(v->site);
	CLEANUP(freep) char *text = NULL;
	json_t *server =
		json_pack("{s:s, s:i, s:i, s:b, s:s, s:b, s:{s:[s]}}", "ip", d->jupyter.bind,
			  "port", (int)v->rec.jupyter_port, "port_retries", 0, "open_browser", 0,
			  "root_dir", workspace, "allow_root", v->site->user->uid == 0,
			  "terminado_settings", "shell_command", "/bin/bash");
	/* Nothing is fetched from elsewhere unasked. */
	json_t *lab = json_pack("{s:n, s:s}", "news_url", "check_for_updates_class",
				"jupyterlab.handlers.announcements.NeverCheckForUpdate");
	json_t *top = json_pack("{s:{s:s}, s:o, s:o}", "IdentityProvider", "token", token,
				"ServerApp", server, "LabApp", lab);

	if (!top)
		err_bug("the JupyterLab configuration is not JSON");
	text = json_dumps(top, JSON_SORT_KEYS | JSON_INDENT(2));
	json_decref(top);
	return file_write(AT_FDCWD, path, text, strlen(text), 0600, 0, e);
}

int jupyter_prepare(struct env *v, const struct env_def *d, struct err *e)
{
	CLEANUP(freep) char *folder = env_path(v, "jupyter");
	CLEANUP(freep) char *token = NULL;

	if (dir_make(AT_FDCWD, folder, 0700, e) < 0)
		return -(int)e->code;
	if (token_read(v, &token, e) < 0 && (token_make(v, e) < 0 || token_read(v, &token, e) < 0))
		return -(int)e->code;
	return config_write(v, d, token, e);
}

/* Another environment's recorded port is left to it, also while that one is stopped. */
static bool port_is_taken(struct env *v, uint16_t port)
{
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e;

	if (env_list(v->site, &names, &e) < 0)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(env_close) struct env other = {.lock = -1};

		if (!str_eq(names.v[i], v->name) &&
		    env_open(&other, v->site, names.v[i], 0, &e) == 0 &&
		    other.rec.jupyter_port == port)
			return true;
	}
	return false;
}

int jupyter_choose_port(struct env *v, const struct env_def *d, bool *ret_moved, struct err *e)
{
	uint16_t fixed = (uint16_t)d->jupyter.port;

	*ret_moved = false;
	if (fixed) {
		if (!port_is_free(fixed)) {
			(void)err_set(e, ERR_BUSY, "port %u, which jupyter.port asks for, is taken",
				      fixed);
			return err_hint(
				e,
				"`ss -ltnp sport = :%u` shows by whom; or leave jupyter.port out "
				"and the next free one is taken",
				fixed);
		}
		v->rec.jupyter_port = fixed;
		return 0;
	}
	if (v->rec.jupyter_port && port_is_free(v->rec.jupyter_port))
		return 0;
	*ret_moved = v->rec.jupyter_port != 0;
	for (int port = FIRST_PORT; port <= LAST_PORT; port++)
		if (port_is_free((uint16_t)port) && !port_is_taken(v, (uint16_t)port)) {
			v->rec.jupyter_port = (uint16_t)port;
			return 0;
		}
	return err_set(e, ERR_BUSY, "no free port for JupyterLab from %d to %d", FIRST_PORT,
		       LAST_PORT);
}

int jupyter_link(const struct env *v, char **ret, struct err *e)
{
	CLEANUP(freep) char *token = NULL;

	if (token_read(v, &token, e) < 0)
		return -(int)e->code;
	*ret = str_fmt("http://127.0.0.1:%u/lab?token=%s", v->rec.jupyter_port, token);
	return 0;
}

int jupyter_rotate(struct env *v, struct err *e)
{
	return token_make(v, e);
}
