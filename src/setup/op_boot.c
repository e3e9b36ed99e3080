/* SPDX-License-Identifier: Apache-2.0 */
/* The operations initramfs and reboot: what the next boot starts with, and whether it has to be. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/proc.h"
#include "host/host.h"
#include "setup/execute_parts.h"
#include "setup/op_module.h"
#include "setup/op_parts.h"
#include "setup/script.h"

static const char *const tools[][3] = {{"update-initramfs", "-u"}, {"dracut", "--force"}};

static const char *const *tool_of(void)
{
	for (size_t i = 0; i < COUNT(tools); i++) {
		CLEANUP(freep) char *path = proc_find(tools[i][0]);

		if (path)
			return tools[i];
	}
	return NULL;
}

/* When a file, or something in a folder, last changed here: packages set the other times back. */
static void take_newest(const struct root *r, const char *path, int64_t *newest)
{
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e = {0};
	struct stat st;

	if (fstatat(r->fd, below(path), &st, 0) < 0)
		return;
	if (time_ns(&st.st_ctim) > *newest)
		*newest = time_ns(&st.st_ctim);
	if (!S_ISDIR(st.st_mode) || dir_list(r->fd, below(path), &names, &e) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *file = str_fmt("%s/%s", below(path), names.v[i]);

		if (fstatat(r->fd, file, &st, 0) == 0 && time_ns(&st.st_ctim) > *newest)
			*newest = time_ns(&st.st_ctim);
	}
}

static bool image_time(const struct root *r, const char *kernel, int64_t *ret)
{
	static const char *const forms[] = {"boot/initrd.img-%s", "boot/initramfs-%s.img",
					    "boot/initrd-%s"};

	for (size_t i = 0; i < COUNT(forms); i++) {
		CLEANUP(buf_fini) struct buf path = {0};
		struct stat st;

		buf_fmt(&path, forms[i], kernel);
		if (fstatat(r->fd, path.data, &st, 0) < 0)
			continue;
		*ret = time_ns(&st.st_mtim);
		return true;
	}
	return false;
}

/* As make does it: the image is newer than all that goes into it. */
static int initramfs_done(const struct op *o, struct executor *x)
{
	static const char *const sources[] = {"/etc/modprobe.d", "/usr/lib/modprobe.d",
					      "/etc/dracut.conf.d", "/etc/initramfs-tools"};
	CLEANUP(freep) char *kernel = module_kernel(x->root);
	CLEANUP(freep) char *modules = NULL;
	int64_t image = 0;
	int64_t newest = 0;

	(void)o;
	if (!x->live)
		return -1;
	if (!tool_of())
		return 1;
	if (!kernel || !image_time(x->root, kernel, &image))
		return 0;
	for (size_t i = 0; i < COUNT(sources); i++)
		take_newest(x->root, sources[i], &newest);
	modules = str_fmt("/lib/modules/%s/modules.dep", kernel);
	take_newest(x->root, modules, &newest);
	return newest <= image;
}

static int initramfs_apply(const struct op *o, struct executor *x, struct err *e)
{
	const char *const *tool = tool_of();

	(void)o;
	return tool ? executor_run(x, tool, NULL, e) : 0;
}

static int initramfs_undo(const struct op *o, struct executor *x, const json_t *before,
			  const json_t *after, struct err *e)
{
	(void)before;
	(void)after;
	/* Comes last, when the files that went into it are back. */
	return initramfs_done(o, x) == 1 ? 0 : initramfs_apply(o, x, e);
}

static void initramfs_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)o;
	(void)x;
	buf_str(ret, _("rebuild the initramfs"));
}

static void initramfs_script(const struct op *o, struct script *s)
{
	(void)o;
	buf_str(&s->text, "if command -v update-initramfs >/dev/null; then update-initramfs -u; "
			  "else dracut --force; fi\n");
}

const struct op_kind op_initramfs = {
	.name = "initramfs",
	.late = true,
	.done = initramfs_done,
	.apply = initramfs_apply,
	.undo = initramfs_undo,
	.show = initramfs_show,
	.script = initramfs_script,
};

/* A field of the installed module, for free(), or NULL. */
static char *installed(struct executor *x, const char *field)
{
	const char *const argv[] = {"modinfo", "-F", field, "nvidia", NULL};
	char *text = NULL;
	int status = 0;

	if (executor_question(x, argv, NULL, &text, &status) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	if (status || !*text)
		freep(&text);
	return text;
}

/* The module that runs is not the one that is installed: another version or flavour. */
static bool is_another(struct executor *x, const struct host *h)
{
	CLEANUP(freep) char *version = NULL;
	CLEANUP(freep) char *license = NULL;

	if (!h->module)
		return false;
	version = installed(x, "version");
	if (version && !str_eq(version, h->module))
		return true;
	license = installed(x, "license");
	return license && (strstr(license, "GPL") != NULL) != h->module_open;
}

static int reboot_done(const struct op *o, struct executor *x)
{
	CLEANUP(host_fini) struct host h = {0};
	CLEANUP(freep) char *other = NULL;

	(void)o;
	if (!x->live)
		return -1;
	host_read(x->root, NULL, &h);
	if (module_nouveau_holds(x->root) || h.mok_pending || is_another(x, &h))
		return 0;
	if (h.module || !h.kernel || module_is_installed(x->root, h.kernel, "nvidia") == 1)
		return 1;
	other = module_other_kernel(x->root, h.kernel, "nvidia");
	return !other;
}

static int reboot_apply(const struct op *o, struct executor *x, struct err *e)
{
	(void)x;
	if (o->why)
		return err_set(e, ERR_REBOOT, "a reboot is needed: %s", o->why);
	return err_set(e, ERR_REBOOT, "a reboot is needed");
}

static void reboot_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)o;
	(void)x;
	buf_str(ret, _("wait for a reboot, then go on"));
}

static void reboot_script(const struct op *o, struct script *s)
{
	(void)o;
	buf_str(&s->text, "reboot_once\n");
}

const struct op_kind op_reboot = {
	.name = "reboot",
	.done = reboot_done,
	.apply = reboot_apply,
	.show = reboot_show,
	.script = reboot_script,
};
