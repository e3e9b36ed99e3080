/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation describe-gpus: `dlenv cdi refresh` once, and units and a rule of udev that run it
 * when the driver changes. Where a package of dlenv has brought these, its own are used.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/proc.h"
#include "cdi/fresh.h"
#include "host/nvidia.h"
#include "setup/execute_parts.h"
#include "setup/op_parts.h"
#include "setup/script.h"
#include "setup/unit_texts.h"

static const char specification[] = "/var/run/cdi/nvidia.yaml";

static const struct file {
	const char *path;
	const char *packaged;
	const char *text;
	const char *unit; /* to be enabled, or NULL */
} files[] = {
	{"/etc/systemd/system/dlenv-cdi.service", "/usr/lib/systemd/system/dlenv-cdi.service",
	 text_dlenv_cdi_service, "dlenv-cdi.service"},
	{"/etc/systemd/system/dlenv-cdi.path", "/usr/lib/systemd/system/dlenv-cdi.path",
	 text_dlenv_cdi_path, "dlenv-cdi.path"},
	{"/etc/udev/rules.d/70-dlenv-cdi.rules", "/usr/lib/udev/rules.d/70-dlenv-cdi.rules",
	 text_70_dlenv_cdi_rules, NULL},
};

/* With the path of our program in it. For free(). */
static char *text_of(const struct file *f)
{
	static const char place[] = "@bindir@/dlenv";
	const char *at = strstr(f->text, place);
	CLEANUP(freep) char *program = env_program();

	return at ? str_fmt("%.*s%s%s", (int)(at - f->text), f->text, program, at + strlen(place))
		  : str_dup(f->text);
}

static bool has_systemctl(void)
{
	CLEANUP(freep) char *systemctl = proc_find("systemctl");

	return systemctl != NULL;
}

static bool is_wanted(const struct executor *x, const struct file *f)
{
	return has_systemctl() && !root_has(x->root, f->packaged);
}

static bool is_there(const struct executor *x, const struct file *f)
{
	CLEANUP(freep) char *want = text_of(f);
	CLEANUP(freep) char *have = NULL;
	struct err e = {0};

	return op_read(x, f->path, &have, NULL, &e) == 0 && str_eq(want, have);
}

/* Without a GPU that the driver runs there is nothing to describe yet: the units will do it. */
static bool is_described(const struct executor *x)
{
	CLEANUP(nvidia_fini) struct nvidia n = {0};
	struct err e = {0};

	if (nvidia_read(x->root, &n, &e) == 0 && !n.driver && !n.wsl && !n.tegra)
		return true;
	return cdi_fresh(x->root, specification) == FRESH;
}

static int describe_done(const struct op *o, struct executor *x)
{
	(void)o;
	for (size_t i = 0; i < COUNT(files); i++)
		if (is_wanted(x, &files[i]) && !is_there(x, &files[i]))
			return 0;
	return is_described(x);
}

static int describe_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	json_t *all = json_pack("{s:b}", "specification", (int)root_has(x->root, specification));

	(void)o;
	for (size_t i = 0; i < COUNT(files); i++) {
		json_t *was = NULL;

		if (!is_wanted(x, &files[i]))
			continue;
		if (op_keep(x, files[i].path, &was, e) < 0) {
			json_decref(all);
			return -(int)e->code;
		}
		(void)json_object_set_new(all, files[i].path, was);
	}
	*ret = all;
	return 0;
}

static int systemctl(struct executor *x, const char *verb, const char *unit, struct err *e)
{
	const char *const argv[] = {"systemctl", verb, unit, NULL};

	return executor_run(x, argv, NULL, e);
}

static int keep_it_true(struct executor *x, struct err *e)
{
	for (size_t i = 0; i < COUNT(files); i++) {
		CLEANUP(freep) char *text = text_of(&files[i]);

		if (is_wanted(x, &files[i]) &&
		    op_write(x, files[i].path, text, strlen(text), 0644, e) < 0)
			return -(int)e->code;
	}
	if (x->systemd && systemctl(x, "daemon-reload", NULL, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(files); i++) {
		const char *unit = files[i].unit;

		if (!unit || !is_wanted(x, &files[i]))
			continue;
		if (systemctl(x, "enable", unit, e) < 0 ||
		    (x->systemd && str_ends(unit, ".path") && systemctl(x, "start", unit, e) < 0))
			return -(int)e->code;
	}
	return 0;
}

static int describe_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *program = env_program();
	const char *const refresh[] = {program, "cdi", "refresh", NULL};

	(void)o;
	if (!is_described(x) && executor_run(x, refresh, NULL, e) < 0)
		return err_wrap(e, "cannot describe the GPUs");
	if (!has_systemctl())
		executor_note(x, _("without systemd nothing keeps the description of the GPU: let "
				   "each boot run `dlenv cdi refresh`"));
	return keep_it_true(x, e);
}

static int remove_specification(struct executor *x, struct err *e)
{
	enum fresh fresh = cdi_fresh(x->root, specification);

	/* Nobody reads one that we did not make as ours. */
	if (fresh != FRESH && fresh != STALE)
		return 0;
	if (unlinkat(x->root->fd, below(specification), 0) < 0)
		return err_sys(e, "cannot remove '%s'", specification);
	return 0;
}

static int describe_undo(const struct op *o, struct executor *x, const json_t *before,
			 const json_t *after, struct err *e)
{
	struct err why = {0};

	(void)o;
	(void)after;
	for (size_t i = COUNT(files); i > 0; i--) {
		const struct file *f = &files[i - 1];
		const json_t *was = json_object_get(before, f->path);
		CLEANUP(freep) char *text = text_of(f);
		char digest[DIGEST_LEN];

		if (!was)
			continue;
		if (f->unit && is_there(x, f)) {
			if (x->systemd && systemctl(x, "stop", f->unit, &why) < 0)
				dbg("undo: %s", why.msg);
			if (systemctl(x, "disable", f->unit, &why) < 0)
				dbg("undo: %s", why.msg);
		}
		digest_bytes(text, strlen(text), digest);
		if (op_restore(x, f->path, digest, was, e) < 0)
			return -(int)e->code;
	}
	if (x->systemd && systemctl(x, "daemon-reload", NULL, &why) < 0)
		dbg("undo: %s", why.msg);
	if (json_is_true(json_object_get(before, "specification")))
		return 0;
	return remove_specification(x, e);
}

static void describe_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)o;
	(void)x;
	buf_fmt(ret, _("describe the GPUs in %s, anew whenever the driver changes"), specification);
}

static void describe_script(const struct op *o, struct script *s)
{
	(void)o;
	script_line(s, (const char *const[]){"describe_gpus", NULL});
}

const struct op_kind op_describe_gpus = {
	.name = "describe-gpus",
	.done = describe_done,
	.before = describe_before,
	.apply = describe_apply,
	.undo = describe_undo,
	.show = describe_show,
	.script = describe_script,
};
