/* SPDX-License-Identifier: Apache-2.0 */
/* Any text in a machine's files: what is read of it keeps its bounds and can be shown. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fs.h"
#include "host/finding.h"
#include "host/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the file. */
static const char *const files[] = {
	"var/lib/dpkg/status",
	"usr/lib/sysimage/libdnf5/nevras.toml",
	"etc/apt/sources.list",
	"etc/yum.repos.d/x.repo",
	".recorded",
	"etc/group",
	"proc/locks",
	"run/zypp.pid",
	"etc/os-release",
	"proc/cpuinfo",
	"sys/kernel/security/lockdown",
};

static void check_text(const char *text)
{
	for (; text && *text; text++)
		if (*text < ' ' || *text > '~')
			err_bug("a letter %d that terminals take for more", *text);
}

static char path[] = "/dev/shm/dlenv-fuzz-host.XXXXXX";

static void drop(void)
{
	struct err e = {0};

	(void)tree_remove(AT_FDCWD, path, &e);
}

static struct root *machine(void)
{
	static struct root r;
	struct err e = {0};

	if (r.path)
		return &r;
	if (!mkdtemp(path) || root_open(&r, path, &e) < 0)
		err_bug("no folder: %s", e.msg);
	(void)atexit(drop);
	for (size_t i = 0; i < COUNT(files); i++) {
		char folder[64] = "";

		strncat(folder, files[i], sizeof(folder) - 1);
		if (!strrchr(folder, '/'))
			continue;
		*strrchr(folder, '/') = '\0';
		if (dir_make(r.fd, folder, 0755, &e) < 0)
			err_bug("%s", e.msg);
	}
	if (dir_make(r.fd, "usr/bin", 0755, &e) < 0 ||
	    file_write(r.fd, "usr/bin/zypper", "", 0, 0755, 0, &e) < 0)
		err_bug("%s", e.msg);
	return &r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(findings_fini) struct findings f = {0};
	CLEANUP(host_fini) struct host h = {0};
	struct root *r = machine();
	struct err e = {0};

	if (!size)
		return 0;
	if (file_write(r->fd, files[data[0] % COUNT(files)], data + 1, size - 1, 0644, 0, &e) < 0)
		err_bug("%s", e.msg);
	host_read(r, NULL, &h);
	findings_of_host(&h, &f);
	check_text(h.os.name);
	check_text(h.driver_package);
	check_text(h.docker);
	check_text(h.podman);
	check_text(h.user);
	check_text(h.lock);
	check_text(h.lockdown);
	if (h.sources_n > HOST_SOURCES_MAX)
		err_bug("%zu sources", h.sources_n);
	return 0;
}
