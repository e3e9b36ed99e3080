/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ELF file: its SONAME and a section that is looked for by name. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cdi/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(fd_closep) int fd = memfd_create("elf", MFD_CLOEXEC);
	CLEANUP(freep) char *text = NULL;
	struct elf elf = {0};
	struct err e = {0};
	size_t len = 0;

	if (fd < 0 || write_all(fd, data, size) < 0)
		err_bug("cannot make a file in memory");
	if (elf_read(fd, &elf, &e) < 0 && (e.code != ERR_PARSE || elf.soname[0]))
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	if (!memchr(elf.soname, '\0', sizeof(elf.soname)) || strchr(elf.soname, '/'))
		err_bug("a SONAME that is none");
	e = (struct err){0};
	if (elf_section(fd, ".note.cuda.fwd_compatibility", 4096, &text, &len, &e) < 0) {
		if (e.code != ERR_PARSE && e.code != ERR_ABSENT)
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	} else if (len > 4096 || text[len] != '\0') {
		err_bug("a section that is too long");
	}
	return 0;
}
