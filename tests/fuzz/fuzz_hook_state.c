/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the state that a hook is given, or (behind a '#') as the config.json of its bundle.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "hook/hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One folder for all inputs. */
static const char *bundle(void)
{
	static char dir[] = "/tmp/dlenv-fuzz-XXXXXX";
	static bool made;

	if (!made && !mkdtemp(dir))
		err_bug("cannot make a folder");
	made = true;
	return dir;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(fd_closep) int fd = memfd_create("state", MFD_CLOEXEC);
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *state = NULL;
	CLEANUP(freep) char *path = NULL;
	struct hook_state s = {0};
	struct err e = {0};

	if (size && data[0] == '#') {
		path = str_fmt("%s/config.json", bundle());
		if (file_write(AT_FDCWD, path, data + 1, size - 1, 0600, 0, &e) < 0)
			err_bug("%s", e.msg);
		state = str_fmt("{\"bundle\":\"%s\"}", bundle());
		data = (const uint8_t *)state;
		size = strlen(state);
	}
	if (write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		err_bug("cannot write the state");
	if (hook_state_read(fd, &a, &s, &e) < 0) {
		if (!e.code || !e.msg[0])
			err_bug("no error");
		return 0;
	}
	if (!s.root || s.root[0] != '/')
		err_bug("no root");
	for (const char **m = s.mounts; *m; m++)
		if (!strlen(*m) && size == 0)
			return -1;
	return 0;
}
