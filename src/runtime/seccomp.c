/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/seccomp_compile.h"

enum { INSNS_MAX = 4096 };

void seccomp_key(const char *section, char ret[DIGEST_LEN])
{
	CLEANUP(buf_fini) struct buf b = {0};
	const struct scmp_version *v = seccomp_version();
	struct utsname u;

	(void)uname(&u);
	/* The number before "bpf" changes when what is compiled from the same text changes. */
	buf_fmt(&b, "1 bpf %s %u.%u.%u\n", u.machine, v->major, v->minor, v->micro);
	buf_str(&b, section);
	digest_bytes(b.data, b.len, ret);
}

/* A filter that somebody else could have written is not trusted. False: compile. */
static bool cache_read(const char *path, struct seccomp_filter *ret)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct sock_filter *insns;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077 || st.st_size <= 0 ||
	    st.st_size % (off_t)sizeof(*insns) ||
	    st.st_size > (off_t)(INSNS_MAX * sizeof(*insns))) {
		dbg("the compiled filter '%s' is not used: wrong owner, mode or size", path);
		return false;
	}
	insns = mem_alloc((size_t)st.st_size);
	if (read(fd, insns, (size_t)st.st_size) != st.st_size) {
		free(insns);
		return false;
	}
	ret->insns = insns;
	ret->n = (uint16_t)(st.st_size / (off_t)sizeof(*insns));
	return true;
}

static int compile(const char *section, struct seccomp_filter *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};

	if (doc_json(section, strlen(section), "linux.seccomp", &d, e) < 0)
		return -(int)e->code;
	if (seccomp_flags(&d, d.top, &ret->flags, e) < 0)
		return -(int)e->code;
	return seccomp_compile(&d, d.top, ret, e);
}

/* The flags are not in the cache, which holds instructions only; few sections have any. */
static int cached_flags(const char *section, struct seccomp_filter *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};

	if (!strstr(section, "\"flags\""))
		return 0;
	if (doc_json(section, strlen(section), "linux.seccomp", &d, e) < 0)
		return -(int)e->code;
	return seccomp_flags(&d, d.top, &ret->flags, e);
}

int seccomp_get(const char *section, const char *cache, struct seccomp_filter *ret, struct err *e)
{
	CLEANUP(freep) char *path = NULL;
	struct err ignored;
	char key[DIGEST_LEN];

	*ret = (struct seccomp_filter){0};
	if (!section)
		return 0;
	if (cache) {
		seccomp_key(section, key);
		path = str_fmt("%s/%s.bpf", cache, key);
		if (cache_read(path, ret))
			return cached_flags(section, ret, e);
	}
	if (compile(section, ret, e) < 0)
		return -(int)e->code;
	if (path && (dir_make(AT_FDCWD, cache, 0700, &ignored) < 0 ||
		     file_write(AT_FDCWD, path, ret->insns, ret->n * sizeof(struct sock_filter),
				0600, 0, &ignored) < 0))
		dbg("cannot keep the compiled filter: %s", ignored.msg);
	return 0;
}

void seccomp_filter_fini(struct seccomp_filter *f)
{
	freep(&f->insns);
}

int seccomp_put(const struct seccomp_filter *f, struct err *e)
{
	struct sock_fprog program = {.len = f->n, .filter = f->insns};

	if (!f->insns)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &program) == 0)
		return 0;
	/* The kernel has no LOG or SPEC_ALLOW (before 4.14, 4.17): both only fine-tune. */
	if (errno == EINVAL && f->flags &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	return err_sys(e, "cannot load the seccomp filter");
}
