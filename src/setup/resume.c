/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a run that waits for a reboot leaves a unit behind that starts dlenv once at the
 * next boot. The run takes it away again when it ends, whatever comes of it: what failed is not
 * tried again at each boot. One that is cut off (power) leaves it, and so goes on.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/log.h"
#include "setup/execute_parts.h"

#define UNIT "dlenv-setup.service"
static const char unit_path[] = "/etc/systemd/system/" UNIT;

/* A text of a unit file: specifiers doubled and, within quotes, these escaped. */
static void add_text(struct buf *b, const char *text, const char *escaped)
{
	for (const char *p = text; *p; p++) {
		if (strchr(escaped, *p))
			buf_str(b, "\\");
		if (*p == '%')
			buf_str(b, "%");
		buf_add(b, p, 1);
	}
}

static void add_word(struct buf *b, const char *name, const char *text)
{
	buf_fmt(b, "\"%s", name);
	add_text(b, text, "\"\\");
	buf_str(b, "\"");
}

static void add_environment(struct buf *b)
{
	/* Where things are, and how this machine reaches the network. */
	static const char *const kept[] = {"DLENV_DATA", "DLENV_CONFIG", "DLENV_CACHE",
					   "http_proxy", "https_proxy",	 "no_proxy",
					   "HTTP_PROXY", "HTTPS_PROXY",	 "NO_PROXY"};

	buf_str(b, "Environment=DLENV_SETUP_UNIT=1\n");
	for (size_t i = 0; i < COUNT(kept); i++) {
		const char *value = getenv(kept[i]);
		CLEANUP(freep) char *name = str_fmt("%s=", kept[i]);

		if (!value || strpbrk(value, "\r\n"))
			continue;
		buf_str(b, "Environment=");
		add_word(b, name, value);
		buf_str(b, "\n");
	}
}

static void unit_text(const struct executor *x, struct buf *b)
{
	CLEANUP(freep) char *program = env_program();

	buf_str(b, "# Written by dlenv, and removed by it when setup is through.\n"
		   "[Unit]\n"
		   "Description=Go on with dlenv setup after the reboot\n"
		   "Documentation=man:dlenv-setup(1)\n"
		   "Wants=network-online.target\n"
		   /* Not before the target that wants it: booting must not wait for it. */
		   "After=network-online.target multi-user.target\n");
	buf_str(b, "ConditionPathExists=");
	add_text(b, x->state, "");
	buf_str(b, "/journal\n\n[Service]\n"
		   "Type=oneshot\n");
	add_environment(b);
	buf_str(b, "ExecStart=");
	add_word(b, "", program);
	buf_str(b, " setup --resume --yes\n"
		   /* A package manager that is at work is not to be stopped halfway. */
		   "KillMode=mixed\n"
		   "TimeoutStopSec=20min\n\n"
		   "[Install]\n"
		   "WantedBy=multi-user.target\n");
}

/* Beside the work: not told as a part of it. */
static bool systemctl(struct executor *x, const char *verb, const char *what)
{
	const char *const argv[] = {"systemctl", verb, what, NULL};
	CLEANUP(freep) char *text = NULL;
	int status = 0;

	if (executor_question(x, argv, NULL, &text, &status) == 0 && !status)
		return true;
	dbg("resume: %s %s: %s", argv[0], verb, text ? text : "");
	return false;
}

bool resume_unit_write(struct executor *x)
{
	CLEANUP(buf_fini) struct buf text = {0};
	struct err e = {0};

	if (!x->systemd || !x->live)
		return false;
	unit_text(x, &text);
	/* It may name a proxy with its password. */
	if (file_write(x->root->fd, below(unit_path), text.data, text.len, 0600, FILE_SYNC, &e) <
	    0) {
		dbg("resume: %s", e.msg);
		return false;
	}
	return systemctl(x, "daemon-reload", NULL) && systemctl(x, "enable", UNIT);
}

void resume_unit_remove(struct executor *x)
{
	if (!root_has(x->root, unit_path))
		return;
	if (x->systemd)
		(void)systemctl(x, "disable", UNIT);
	if (unlinkat(x->root->fd, below(unit_path), 0) < 0 && errno != ENOENT)
		dbg("resume: cannot remove the unit: %s", strerror(errno));
	if (x->systemd)
		(void)systemctl(x, "daemon-reload", NULL);
}
