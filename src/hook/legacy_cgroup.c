/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules for a cgroup that exists. How this works: v1 has a file to write to. In v2 a program
 * that is attached to the cgroup decides, and where there are several, all must allow. So
 * each of them is read back from the kernel, a beginning that allows our devices is put in front,
 * and it is put in its own place. The kernel gives a program's instructions back as they were
 * loaded: those of this type are not rewritten, and jumps are relative. Where no program is
 * attached, everything is allowed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "hook/legacy.h"

enum {
	PROGRAMS_MAX = 64,
	DEVICES_MAX = 4096, /* a jump over all of them has 16 bits */
	INSNS_MAX = 1 << 16,
	INSNS_START = 5,
	INSNS_PER_DEVICE = 4,
};

struct device {
	unsigned int major;
	unsigned int minor;
};

struct devices {
	struct device *v;
	size_t n;
};

/* The numbers of the host's nodes; those that a specification gives count first. */
static int devices_of(const struct cdi_edits *edits, struct devices *ret, struct err *e)
{
	if (edits->nodes_n > DEVICES_MAX)
		return err_set(e, ERR_CONFIG, "%zu devices are too many", edits->nodes_n);
	ret->v = mem_alloc((edits->nodes_n + 1) * sizeof(*ret->v));
	for (size_t i = 0; i < edits->nodes_n; i++) {
		const struct cdi_node *n = &edits->nodes[i];
		const char *path = n->host_path ? n->host_path : n->path;
		struct stat st;

		if (stat(path, &st) < 0)
			return err_sys(e, "cannot read the device node '%s'", path);
		if (!S_ISCHR(st.st_mode))
			continue;
		ret->v[ret->n++] = (struct device){
			.major = n->major < 0 ? major(st.st_rdev) : (unsigned)n->major,
			.minor = n->minor < 0 ? minor(st.st_rdev) : (unsigned)n->minor};
	}
	return 0;
}

static void put(struct bpf_insn **p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		int32_t imm)
{
	*(*p)++ = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

/* r1, the context, stays as it is for what follows. */
static void put_devices(struct bpf_insn **p, const struct devices *d)
{
	put(p, BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0);
	put(p, BPF_LDX | BPF_MEM | BPF_W, 3, 1, 4, 0);
	put(p, BPF_LDX | BPF_MEM | BPF_W, 4, 1, 8, 0);
	/* The type is in the lower half: of the devices that are allowed all are of characters. */
	put(p, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	put(p, BPF_JMP | BPF_JNE | BPF_K, 2, 0, (int16_t)(d->n * INSNS_PER_DEVICE),
	    BPF_DEVCG_DEV_CHAR);
	for (size_t i = 0; i < d->n; i++) {
		put(p, BPF_JMP | BPF_JNE | BPF_K, 3, 0, 3, (int32_t)d->v[i].major);
		put(p, BPF_JMP | BPF_JNE | BPF_K, 4, 0, 2, (int32_t)d->v[i].minor);
		put(p, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
		put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The instructions of a loaded program behind ours. *ret_n counts all; the caller frees. */
static struct bpf_insn *prepend(int program, const struct devices *d, size_t *ret_n, struct err *e)
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)program,
					.info_len = sizeof(info),
					.info = (uintptr_t)&info}};
	size_t own = INSNS_START + d->n * INSNS_PER_DEVICE;
	struct bpf_insn *insns = NULL;
	struct bpf_insn *p;
	size_t old;

	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		goto failed;
	old = info.xlated_prog_len / sizeof(*insns);
	if (!old || old > INSNS_MAX) {
		errno = EPERM;
		goto failed;
	}
	insns = mem_alloc((own + old) * sizeof(*insns));
	p = insns;
	put_devices(&p, d);
	info = (struct bpf_prog_info){.xlated_prog_len = (uint32_t)(old * sizeof(*insns)),
				      .xlated_prog_insns = (uintptr_t)p};
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 || !info.xlated_prog_insns)
		goto failed;
	*ret_n = own + old;
	return insns;
failed:
	(void)err_sys(e, "cannot read the container's device rules");
	freep(&insns);
	return NULL;
}

static int load(const struct bpf_insn *insns, size_t n, struct err *e)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
			       .insns = (uintptr_t)insns,
			       .insn_cnt = (uint32_t)n,
			       .license = (uintptr_t)license};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	return fd < 0 ? err_sys(e, "cannot load device rules") : fd;
}

/* flags are those that the programs of this cgroup were attached with. */
static int replace(int cgroup, uint32_t id, uint32_t flags, const struct devices *d, struct err *e)
{
	union bpf_attr attr = {.prog_id = id};
	CLEANUP(fd_closep) int old = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	CLEANUP(freep) struct bpf_insn *insns = NULL;
	CLEANUP(fd_closep) int program = -1;
	size_t n = 0;

	if (old < 0)
		return err_sys(e, "cannot open the container's device rules");
	insns = prepend(old, d, &n, e);
	program = insns ? load(insns, n, e) : -1;
	if (program < 0)
		return -(int)e->code;
	attr = (union bpf_attr){.target_fd = (uint32_t)cgroup,
				.attach_bpf_fd = (uint32_t)program,
				.attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = flags};
	if (flags & BPF_F_ALLOW_MULTI) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old;
	}
	if (bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_sys(e, "cannot replace the container's device rules");
	return 0;
}

static int allow_v2(const char *dir, const struct devices *d, struct err *e)
{
	CLEANUP(fd_closep) int cgroup = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t ids[PROGRAMS_MAX] = {0};
	union bpf_attr attr = {.query = {.target_fd = (uint32_t)cgroup,
					 .attach_type = BPF_CGROUP_DEVICE,
					 .prog_ids = (uintptr_t)ids,
					 .prog_cnt = PROGRAMS_MAX}};
	uint32_t n;
	uint32_t flags;

	if (cgroup < 0)
		return err_sys(e, "cannot open the container's cgroup '%s'", dir);
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return err_sys(e, "cannot ask for the container's device rules");
	n = attr.query.prog_cnt;
	flags = attr.query.attach_flags;
	for (uint32_t i = 0; i < n && i < PROGRAMS_MAX; i++)
		if (replace(cgroup, ids[i], flags, d, e) < 0)
			return err_hint(e,
					"give the GPU with --device nvidia.com/gpu=all instead, or "
					"set nvidia-container-cli.no-cgroups");
	return 0;
}

static int allow_v1(const char *dir, const struct devices *d, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/devices.allow", dir);

	for (size_t i = 0; i < d->n; i++) {
		CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
		CLEANUP(freep) char *rule = str_fmt("c %u:%u rw", d->v[i].major, d->v[i].minor);

		if (fd < 0 || write_all(fd, rule, strlen(rule)) < 0)
			return err_sys(e, "cannot write '%s' to '%s'", rule, path);
	}
	return 0;
}

/* One field of a line of mountinfo, from 0; its length in *n. */
static const char *field(const char *line, size_t i, size_t *n)
{
	for (; i > 0; i--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	*n = strcspn(line, " \n");
	return line;
}

/*
 * Where a cgroup of a hierarchy is in the file system: mountinfo's "... ROOT MOUNTPOINT ... - TYPE
 * SOURCE OPTIONS". The caller's; NULL: it cannot be seen.
 */
static char *cgroup_dir(const char *mounts, const char *type, const char *option, const char *path,
			size_t path_n)
{
	for (const char *l = mounts; *l; l += strcspn(l, "\n"), l += *l == '\n') {
		size_t len = strcspn(l, "\n");
		const char *dash = memmem(l, len, " - ", 3);
		size_t n[4];
		const char *root = field(l, 3, &n[0]);
		const char *point = field(l, 4, &n[1]);
		const char *fs = dash ? field(dash + 3, 0, &n[2]) : NULL;
		const char *options = dash ? field(dash + 3, 2, &n[3]) : NULL;
		size_t skip = n[0] == 1 ? 0 : n[0];

		if (!fs || strlen(type) != n[2] || strncmp(fs, type, n[2]) != 0 ||
		    (option && !memmem(options, n[3], option, strlen(option))))
			continue;
		if (path_n >= skip && strncmp(path, root, skip) == 0 &&
		    (!skip || path[skip] == '/' || path_n == skip))
			return str_fmt("%.*s%.*s", (int)n[1], point, (int)(path_n - skip),
				       path + skip);
	}
	return NULL;
}

/* The path in the line of /proc/PID/cgroup with these controllers: "4:devices:/x", "0::/x". */
static const char *cgroup_line(const char *text, const char *controllers, size_t *n)
{
	for (const char *l = text; *l; l += strcspn(l, "\n"), l += *l == '\n') {
		const char *names = strchr(l, ':');
		const char *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			return NULL;
		if (*controllers ? memmem(names, (size_t)(path - names), controllers,
					  strlen(controllers)) != NULL
				 : path == names + 1) {
			*n = strcspn(path + 1, "\n");
			return path + 1;
		}
	}
	return NULL;
}

/* The texts that say where a container is. */
struct where {
	char *container; /* /proc/PID/cgroup */
	char *own;
	char *mounts;
};

static void where_fini(struct where *w)
{
	freep(&w->container);
	freep(&w->own);
	freep(&w->mounts);
}

static int where_read(pid_t pid, struct where *ret, struct err *e)
{
	enum { TEXT_MAX = 4 << 20 };
	CLEANUP(freep) char *name = str_fmt("/proc/%d/cgroup", (int)pid);

	if (file_read(AT_FDCWD, name, TEXT_MAX, &ret->container, NULL, e) < 0 ||
	    file_read(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, &ret->own, NULL, e) < 0)
		return -(int)e->code;
	return file_read(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &ret->mounts, NULL, e);
}

/*
 * The container's cgroup of a hierarchy; NULL where it has none of its own there: then it has no
 * rules of its own either, and ours are nobody's to change. The caller's.
 */
static char *own_cgroup(const struct where *w, const char *controllers)
{
	bool v2 = !*controllers;
	size_t n = 0;
	size_t own_n = 0;
	const char *path = cgroup_line(w->container, controllers, &n);
	const char *own = cgroup_line(w->own, controllers, &own_n);

	if (!path || (own && n == own_n && strncmp(path, own, n) == 0))
		return NULL;
	return cgroup_dir(w->mounts, v2 ? "cgroup2" : "cgroup", v2 ? NULL : controllers, path, n);
}

/* On hybrid hosts both hierarchies have a say. */
int legacy_allow(pid_t pid, const struct cdi_edits *edits, struct err *e)
{
	CLEANUP(where_fini) struct where w = {0};
	CLEANUP(freep) char *v1 = NULL;
	CLEANUP(freep) char *v2 = NULL;
	CLEANUP(freep) struct device *v = NULL;
	struct devices d = {0};
	int code = devices_of(edits, &d, e);

	v = d.v;
	if (code == 0 && d.n)
		code = where_read(pid, &w, e);
	if (code < 0 || !d.n)
		return code;
	v1 = own_cgroup(&w, "devices");
	v2 = own_cgroup(&w, "");
	if (v1 && allow_v1(v1, &d, e) < 0)
		return -(int)e->code;
	return v2 ? allow_v2(v2, &d, e) : 0;
}
