/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A made-up machine in a folder: files, links and libraries by name, nodes without numbers. */

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "test.h"

struct box {
	char path[64];
	struct root root;
};

static inline void box_open(struct box *b)
{
	struct err e = {0};

	*b = (struct box){.path = "/tmp/dlenv-machine-XXXXXX"};
	assert_non_null(mkdtemp(b->path));
	assert_int_equal(root_open(&b->root, b->path, &e), 0);
}

static inline void box_close(struct box *b)
{
	struct err e = {0};

	root_close(&b->root);
	assert_int_equal(tree_remove(AT_FDCWD, b->path, &e), 0);
}

static inline void box_folder(const struct box *b, const char *path)
{
	struct err e = {0};

	assert_int_equal(dir_make(b->root.fd, below(path), 0755, &e), 0);
}

static inline void box_parent(const struct box *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *folder = str_fmt("%.*s", (int)(slash - path), path);

	if (slash > path)
		box_folder(b, folder);
}

static inline void box_put(const struct box *b, const char *path, const char *text, mode_t mode)
{
	struct err e = {0};

	box_parent(b, path);
	assert_int_equal(file_write(b->root.fd, below(path), text, strlen(text), mode, 0, &e), 0);
}

static inline void box_link(const struct box *b, const char *target, const char *path)
{
	box_parent(b, path);
	assert_int_equal(symlinkat(target, b->root.fd, below(path)), 0);
}

/* A character device that anybody may make: 0:0. */
static inline void box_node(const struct box *b, const char *path, mode_t mode)
{
	box_parent(b, path);
	assert_int_equal(mknodat(b->root.fd, below(path), S_IFCHR | 0600, makedev(0, 0)), 0);
	assert_int_equal(fchmodat(b->root.fd, below(path), mode, 0), 0);
}

/* A library of nothing but its SONAME; 32-bit ones have no need of one. */
static inline void box_lib(const struct box *b, const char *path, const char *soname)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segments[2];
		Elf64_Dyn dynamic[3];
		char strings[64];
	} m = {0};
	struct err e = {0};

	memcpy(m.header.e_ident, ELFMAG, SELFMAG);
	m.header.e_ident[EI_CLASS] = soname ? ELFCLASS64 : ELFCLASS32;
	m.header.e_ident[EI_DATA] = ELFDATA2LSB;
	m.header.e_type = ET_DYN;
	if (soname) {
		m.header.e_phoff = (size_t)((char *)m.segments - (char *)&m);
		m.header.e_phentsize = sizeof(Elf64_Phdr);
		m.header.e_phnum = 2;
		m.segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = sizeof(m)};
		m.segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
					     .p_offset = (size_t)((char *)m.dynamic - (char *)&m),
					     .p_filesz = sizeof(m.dynamic)};
		m.dynamic[0] = (Elf64_Dyn){.d_tag = DT_SONAME};
		m.dynamic[1] = (Elf64_Dyn){.d_tag = DT_STRTAB};
		m.dynamic[1].d_un.d_ptr = (size_t)(m.strings - (char *)&m);
		(void)snprintf(m.strings, sizeof(m.strings), "%s", soname);
	}
	box_parent(b, path);
	assert_int_equal(file_write(b->root.fd, below(path), &m, sizeof(m), 0644, 0, &e), 0);
}
