/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/pci.h"
#include "setup/op_module.h"

enum { DEP_MAX = 64 << 20, KERNEL_LOG = 256 << 10 };

char *module_kernel(const struct root *r)
{
	char *text = NULL;
	struct err e = {0};

	if (root_read(r, "/proc/sys/kernel/osrelease", 256, &text, &e) < 0)
		return NULL;
	text[strcspn(text, "\n/")] = '\0';
	if (!*text)
		freep(&text);
	return text;
}

/*
 * A file of modules.dep that is the module: Debian calls it nvidia-current.ko,
 * nvidia-current-open.ko or nvidia-tesla-535.ko, and lets it answer to "nvidia".
 */
static bool is_module(const char *file, size_t len, const char *name)
{
	static const char *const forms[] = {"-current", "-tesla", "-legacy", "-open"};
	static const char *const others[] = {"-uvm", "-drm", "-modeset", "-peermem"};
	CLEANUP(freep) char *rest = NULL;
	size_t n = strlen(name);
	size_t i = 0;

	if (len < n || strncmp(file, name, n) != 0)
		return false;
	rest = str_fmt("%.*s", (int)(len - n), file + n);
	if (str_starts(rest, ".ko"))
		return true;
	while (i < COUNT(forms) && !str_starts(rest, forms[i]))
		i++;
	if (i == COUNT(forms))
		return false;
	for (i = 0; i < COUNT(others); i++)
		if (strstr(rest, others[i]))
			return false;
	return strstr(rest, ".ko") != NULL;
}

int module_is_installed(const struct root *r, const char *kernel, const char *name)
{
	CLEANUP(freep) char *path = str_fmt("/lib/modules/%s/modules.dep", kernel);
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};

	if (root_read(r, path, DEP_MAX, &text, &e) < 0)
		return -1;
	for (const char *l = text; *l; l += strcspn(l, "\n"), l += *l == '\n') {
		size_t len = strcspn(l, ":\n");
		const char *slash = memrchr(l, '/', len);
		const char *file = slash ? slash + 1 : l;

		if (is_module(file, (size_t)(l + len - file), name))
			return 1;
	}
	return 0;
}

char *module_other_kernel(const struct root *r, const char *kernel, const char *name)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct err e = {0};

	if (rootfs_open(r->fd, "/lib/modules", O_RDONLY | O_DIRECTORY, 0, &fd, &e) < 0 ||
	    dir_list(fd, ".", &names, &e) < 0)
		return NULL;
	for (size_t i = names.n; i > 0; i--)
		if (!str_eq(names.v[i - 1], kernel) &&
		    module_is_installed(r, names.v[i - 1], name) == 1)
			return str_dup(names.v[i - 1]);
	return NULL;
}

bool module_is_loaded(const struct root *r, const char *name)
{
	CLEANUP(freep) char *path = str_fmt("/sys/module/%s", name);
	CLEANUP(freep) char *debian = NULL;

	for (char *p = path; *p; p++)
		if (*p == '-')
			*p = '_';
	debian = str_fmt("%s_current", path);
	return root_has(r, path) || root_has(r, debian);
}

bool module_nouveau_holds(const struct root *r)
{
	CLEANUP(pci_gpus_fini) struct pci_gpus gpus = {0};

	pci_gpus_read(r, &gpus);
	for (size_t i = 0; i < gpus.n; i++)
		if (pci_driver_is_nouveau(gpus.v[i].driver))
			return true;
	return false;
}

char *module_kernel_says(const char *const *words)
{
	enum { READ_ALL = 3 };
	CLEANUP(freep) char *text = mem_alloc(KERNEL_LOG + 1);
	int n = klogctl(READ_ALL, text, KERNEL_LOG);
	const char *found = NULL;
	char *save = NULL;

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; words[i]; i++)
			if (strstr(l, words[i]))
				found = strchr(l, ']') ? strchr(l, ']') + 1 : l;
	return found ? str_fmt("%s", found + strspn(found, " ")) : NULL;
}
