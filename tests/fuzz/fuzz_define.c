/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any dlenv.yaml. What is accepted must have all that its readers rely on, and
 * `dlenv config` must show values that are accepted again.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "env/define.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz_define.XXXXXX";
static int file = -1;

static void clean(void)
{
	struct err e;

	(void)tree_remove(AT_FDCWD, folder, &e);
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	CLEANUP(freep) char *path = NULL;

	if (!mkdtemp(folder))
		err_bug("cannot make a folder");
	(void)atexit(clean);
	path = str_fmt("%s/dlenv.yaml", folder);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		err_bug("cannot make a file");
	return 0;
}

static void check(const struct env_def *d)
{
	struct err e;

	if (env_name_check(d->name, &e) < 0)
		err_bug("name: %s", e.msg);
	if (!d->preset || !d->apt || !d->stack.optional || !d->ssh.keys || !d->ca_certificates)
		err_bug("something is missing");
	for (size_t i = 0; i < d->mounts_n; i++)
		if (!d->mounts[i].source || d->mounts[i].at[0] != '/' ||
		    strstr(d->mounts[i].at, "/../"))
			err_bug("mount %zu", i);
	for (size_t i = 0; i < d->services_n; i++)
		if (!d->services[i].name || !d->services[i].run[0] ||
		    (d->services[i].cwd && d->services[i].cwd[0] != '/'))
			err_bug("service %zu", i);
}

static void check_again(const struct def_sources *s, const struct env_def *d)
{
	CLEANUP(env_def_fini) struct env_def again = {0};
	CLEANUP(strs_fini) struct strs flags = {0};
	struct def_sources from = *s;
	struct err e = {0};

	for (size_t i = 0; i < d->values_n; i++)
		strs_fmt(&flags, "%s=%s", d->values[i].key, d->values[i].value);
	from.flags = (const char *const *)flags.v;
	if (ftruncate(file, 0) < 0 || env_def_load(&from, &again, &e) < 0)
		err_bug("not accepted again: %s", e.msg);
	if (again.values_n != d->values_n || again.services_n != d->services_n ||
	    again.mounts_n != d->mounts_n)
		err_bug("not the same again");
	for (size_t i = 0; i < d->values_n; i++)
		if (!str_eq(d->values[i].value, again.values[i].value))
			err_bug("'%s' became '%s'", d->values[i].value, again.values[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(env_def_fini) struct env_def d = {0};
	const struct def_sources s = {.cwd = folder, .home = "/home/kim"};
	struct err e = {0};

	if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		err_bug("cannot write the file");
	if (env_def_load(&s, &d, &e) < 0) {
		if ((e.code != ERR_PARSE && e.code != ERR_CONFIG && e.code != ERR_UNSAT) ||
		    !str_starts(e.msg, "dlenv.yaml"))
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	check(&d);
	check_again(&s, &d);
	return 0;
}
