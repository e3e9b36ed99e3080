/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvidia-ctk system: the driver's device nodes and the links in /dev/char by which systemd finds
 * them (without those, `systemctl daemon-reload` takes the GPUs away from containers).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "hook/ctk.h"
#include "hook/describe.h"
#include "hook/hook.h"

struct nodes {
	const char *driver_root;
	const char *dev_root;
	bool control;
	bool load;
	bool dry_run;
};

struct links {
	const char *dev_char;
	const char *driver_root;
	bool all;
	bool load;
	bool nodes;
	bool dry_run;
};

static const struct ctk_option nodes_options[] = {
	{"root driver-root", CTK_STR, offsetof(struct nodes, driver_root),
	 "NVIDIA_DRIVER_ROOT DRIVER_ROOT", "FOLDER", "where the driver's files are: /"},
	{"dev-root", CTK_STR, offsetof(struct nodes, dev_root), "NVIDIA_DEV_ROOT", "FOLDER",
	 "where /dev is; without it, the driver's root"},
	{"control-devices", CTK_BOOL, offsetof(struct nodes, control), NULL, NULL,
	 "make nvidiactl, nvidia-modeset, nvidia-uvm and nvidia-uvm-tools"},
	{"load-kernel-modules", CTK_BOOL, offsetof(struct nodes, load), NULL, NULL,
	 "load the driver's modules first"},
	{"dry-run", CTK_BOOL, offsetof(struct nodes, dry_run), "DRY_RUN", NULL,
	 "only say what would be done"},
	{0},
};

static const struct ctk_option links_options[] = {
	{"dev-char-path", CTK_STR, offsetof(struct links, dev_char), "DEV_CHAR_PATH", "FOLDER",
	 "where the links go: /dev/char"},
	{"driver-root", CTK_STR, offsetof(struct links, driver_root),
	 "NVIDIA_DRIVER_ROOT DRIVER_ROOT", "FOLDER", "below which /dev is: /"},
	{"create-all", CTK_BOOL, offsetof(struct links, all), "CREATE_ALL", NULL,
	 "for all nodes that can be, not only those that are"},
	{"load-kernel-modules", CTK_BOOL, offsetof(struct links, load), "LOAD_KERNEL_MODULES", NULL,
	 "load the driver's modules first"},
	{"create-device-nodes", CTK_BOOL, offsetof(struct links, nodes), "CREATE_DEVICE_NODES",
	 NULL, "make the control nodes first"},
	{"dry-run", CTK_BOOL, offsetof(struct links, dry_run), "DRY_RUN", NULL,
	 "only say what would be done"},
	{0},
};

/* A node of the driver: its name in /dev and its numbers; major -1: not registered. */
struct node {
	char *name;
	int major;
	unsigned int minor;
};

struct node_list {
	struct node *v;
	size_t n;
};

static void node_list_fini(struct node_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		freep(&l->v[i].name);
	freep(&l->v);
}

static void node_add(struct node_list *l, int major, unsigned int minor, char *name)
{
	l->v = mem_resize(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = (struct node){.name = name, .major = major, .minor = minor};
}

/* Their minors are fixed by the driver (nv-linux.h, uvm_linux_ioctl.h). */
static void add_control(struct node_list *l, const struct nvidia *host)
{
	static const struct {
		const char *name;
		enum nv_major major;
		unsigned int minor;
	} rows[] = {
		{"nvidiactl", NV_MAJOR_GPU, 255},
		{"nvidia-modeset", NV_MAJOR_GPU, 254},
		{"nvidia-uvm", NV_MAJOR_UVM, 0},
		{"nvidia-uvm-tools", NV_MAJOR_UVM, 1},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		node_add(l, host->major[rows[i].major], rows[i].minor, str_dup(rows[i].name));
}

static int load_modules(const char *driver_root, bool dry_run, struct err *e)
{
	static const char *const modules[] = {"nvidia", "nvidia-uvm", "nvidia-modeset"};
	bool other = driver_root && *below(driver_root) && !str_eq(driver_root, "/");

	for (size_t i = 0; i < COUNT(modules); i++) {
		const char *const here[] = {"modprobe", modules[i], NULL};
		const char *const there[] = {"chroot", driver_root, "modprobe", modules[i], NULL};
		const struct proc p = {.argv = other ? there : here};
		int status = 0;

		if (dry_run) {
			hook_say("would run %s%s%smodprobe %s", other ? "chroot " : "",
				 other ? driver_root : "", other ? " " : "", modules[i]);
			continue;
		}
		if (proc_run(&p, &status, e) < 0)
			return err_wrap(e, "cannot load the module '%s'", modules[i]);
		if (status)
			hook_say("warning: modprobe %s failed with status %d", modules[i], status);
	}
	return 0;
}

/* Mode 0666 as the driver's own program does. */
static int make_node(const struct root *dev, const struct node *n, bool dry_run, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("dev/%s", n->name);
	CLEANUP(freep) char *major = n->major < 0 ? str_dup("?") : str_fmt("%d", n->major);
	struct stat st;

	if (dry_run) {
		(void)printf("mknod --mode=0666 %s/%s c %s %u\n",
			     str_eq(dev->path, "/") ? "" : dev->path, path, major, n->minor);
		return 0;
	}
	if (n->major < 0) {
		(void)err_set(e, ERR_ABSENT, "cannot make '/%s': the module is not loaded", path);
		return err_hint(e, "add --load-kernel-modules");
	}
	if (fstatat(dev->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISCHR(st.st_mode) && st.st_rdev == makedev((unsigned)n->major, n->minor))
			return 0;
		if (unlinkat(dev->fd, path, 0) < 0)
			return err_sys(e, "cannot replace '/%s'", path);
	}
	if (dir_make(dev->fd, "dev", 0755, e) < 0)
		return -(int)e->code;
	if (mknodat(dev->fd, path, S_IFCHR | 0666, makedev((unsigned)n->major, n->minor)) < 0 ||
	    fchmodat(dev->fd, path, 0666, 0) < 0)
		return err_sys(e, "cannot make '/%s'", path);
	return 0;
}

static int make_control(const struct root *dev, const struct nvidia *host, bool dry_run,
			struct err *e)
{
	CLEANUP(node_list_fini) struct node_list l = {0};
	int code = 0;

	add_control(&l, host);
	for (size_t i = 0; i < l.n && code == 0; i++)
		code = make_node(dev, &l.v[i], dry_run, e);
	return code;
}

static int run_nodes(struct ctk_call *c, struct err *e)
{
	const struct nodes *o = c->options;
	const char *dev_path = o->dev_root ? o->dev_root : o->driver_root;
	CLEANUP(machine_close) struct machine m = {.root.fd = -1, .driver.fd = -1};
	CLEANUP(root_close) struct root dev = {.fd = -1};

	if (o->load && load_modules(o->driver_root, o->dry_run, e) < 0)
		return -(int)e->code;
	if (machine_open(machine_path(), NULL, &m, e) < 0 ||
	    root_open(&dev, dev_path ? dev_path : m.root.path, e) < 0)
		return -(int)e->code;
	return o->control ? make_control(&dev, &m.host, o->dry_run, e) : 0;
}

/* The nodes of the driver in /dev and /dev/nvidia-caps. */
static int find_nodes(const struct root *dev, const char *folder, struct node_list *ret,
		      struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("dev%s%s", *folder ? "/" : "", folder);
	CLEANUP(strs_fini) struct strs names = {0};

	if (dir_list(dev->fd, path, &names, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *file = str_fmt("%s/%s", path, names.v[i]);
		struct stat st;

		if (str_starts(names.v[i], "nvidia") &&
		    fstatat(dev->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode))
			node_add(ret, (int)major(st.st_rdev), minor(st.st_rdev),
				 str_dup(file + strlen("dev/")));
	}
	return 0;
}

/* What the driver could make: control nodes, a node for each GPU, and each capability of MIG. */
static void possible_nodes(const struct nvidia *host, struct node_list *ret)
{
	add_control(ret, host);
	for (size_t i = 0; i < host->gpus_n; i++)
		if (host->gpus[i].minor >= 0)
			node_add(ret, host->major[NV_MAJOR_GPU], (unsigned)host->gpus[i].minor,
				 str_fmt("nvidia%d", host->gpus[i].minor));
	for (size_t i = 0; i < host->migs_n; i++) {
		const int minors[] = {host->migs[i].gi_minor, host->migs[i].ci_minor};

		for (size_t k = 0; k < COUNT(minors); k++)
			if (minors[k] >= 0)
				node_add(ret, host->major[NV_MAJOR_CAPS], (unsigned)minors[k],
					 str_fmt("nvidia-caps/nvidia-cap%d", minors[k]));
	}
}

static int make_link(int dir, const char *folder, const struct root *dev, const struct node *n,
		     struct err *e)
{
	CLEANUP(freep) char *name = str_fmt("%d:%u", n->major, n->minor);
	CLEANUP(freep)
	char *target =
		str_eq(dev->path, "/") && str_eq(folder, "/dev/char")
			? str_fmt("../%s", n->name)
			: str_fmt("%s/dev/%s", str_eq(dev->path, "/") ? "" : dev->path, n->name);

	if (n->major < 0)
		return 0;
	if (dir < 0) {
		(void)printf("ln -s %s %s/%s\n", target, folder, name);
		return 0;
	}
	if (symlinkat(target, dir, name) < 0 && errno != EEXIST)
		return err_sys(e, "cannot make the link '%s/%s'", folder, name);
	return 0;
}

static int make_links(const struct links *o, const struct root *dev, const struct nvidia *host,
		      struct err *e)
{
	CLEANUP(node_list_fini) struct node_list l = {0};
	CLEANUP(fd_closep) int dir = -1;
	const char *folder = o->dev_char ? o->dev_char : "/dev/char";

	if (o->all)
		possible_nodes(host, &l);
	else if (find_nodes(dev, "", &l, e) < 0 || find_nodes(dev, "nvidia-caps", &l, e) < 0)
		return -(int)e->code;
	if (!o->dry_run &&
	    (dir_make(AT_FDCWD, folder, 0755, e) < 0 || dir_open(AT_FDCWD, folder, &dir, e) < 0))
		return -(int)e->code;
	for (size_t i = 0; i < l.n; i++)
		if (make_link(dir, folder, dev, &l.v[i], e) < 0)
			return -(int)e->code;
	return 0;
}

static int run_links(struct ctk_call *c, struct err *e)
{
	const struct links *o = c->options;
	CLEANUP(machine_close) struct machine m = {.root.fd = -1, .driver.fd = -1};

	if (o->load && load_modules(o->driver_root, o->dry_run, e) < 0)
		return -(int)e->code;
	if (machine_open(machine_path(), o->driver_root, &m, e) < 0 ||
	    (o->nodes && make_control(&m.driver, &m.host, o->dry_run, e) < 0))
		return -(int)e->code;
	return make_links(o, &m.driver, &m.host, e);
}

const struct ctk_command ctk_system[] = {
	{.name = "create-device-nodes",
	 .summary = "make the driver's nodes in /dev",
	 .options = nodes_options,
	 .options_size = sizeof(struct nodes),
	 .run = run_nodes},
	{.name = "create-dev-char-symlinks",
	 .summary = "make links to them in /dev/char",
	 .options = links_options,
	 .options_size = sizeof(struct links),
	 .run = run_links},
	{0},
};
