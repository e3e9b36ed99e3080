/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: headers are read with pread at offsets that the file names, each of them checked
 * to lie inside the file. A name in the dynamic section is an address, which the PT_LOAD segments
 * turn into an offset. Only files of the machine's own byte order are read.
 */
#include "cdi/elf.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum {
	HEADERS_MAX = 1024, /* program headers that are looked at */
	SECTIONS_MAX = 4096,
	DYNAMIC_MAX = 1 << 16, /* bytes of the dynamic section */
};

/* What differs between ELF-32 and -64: where the fields are. */
struct layout {
	size_t header;
	size_t phoff, phentsize, phnum;
	size_t shoff, shentsize, shnum, shstrndx;
	size_t word; /* of an address */
	size_t ph_size, ph_offset, ph_vaddr, ph_filesz;
	size_t sh_size, sh_offset, sh_bytes;
	size_t dyn_size;
};

#define LAYOUT(B)                                                                                  \
	{                                                                                          \
		.header = sizeof(Elf##B##_Ehdr), .phoff = offsetof(Elf##B##_Ehdr, e_phoff),        \
		.phentsize = offsetof(Elf##B##_Ehdr, e_phentsize),                                 \
		.phnum = offsetof(Elf##B##_Ehdr, e_phnum),                                         \
		.shoff = offsetof(Elf##B##_Ehdr, e_shoff),                                         \
		.shentsize = offsetof(Elf##B##_Ehdr, e_shentsize),                                 \
		.shnum = offsetof(Elf##B##_Ehdr, e_shnum),                                         \
		.shstrndx = offsetof(Elf##B##_Ehdr, e_shstrndx), .word = (B) / 8,                  \
		.ph_size = sizeof(Elf##B##_Phdr), .ph_offset = offsetof(Elf##B##_Phdr, p_offset),  \
		.ph_vaddr = offsetof(Elf##B##_Phdr, p_vaddr),                                      \
		.ph_filesz = offsetof(Elf##B##_Phdr, p_filesz), .sh_size = sizeof(Elf##B##_Shdr),  \
		.sh_offset = offsetof(Elf##B##_Shdr, sh_offset),                                   \
		.sh_bytes = offsetof(Elf##B##_Shdr, sh_size), .dyn_size = sizeof(Elf##B##_Dyn),    \
	}

static const struct layout layout_32 = LAYOUT(32);
static const struct layout layout_64 = LAYOUT(64);

struct file {
	int fd;
	uint64_t size;
	const struct layout *l;
	unsigned char header[sizeof(Elf64_Ehdr)];
};

static uint64_t half(const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t word(const struct layout *l, const unsigned char *p)
{
	uint32_t narrow;
	uint64_t wide;

	if (l->word == sizeof(narrow)) {
		memcpy(&narrow, p, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, p, sizeof(wide));
	return wide;
}

static int broken(struct err *e)
{
	return err_set(e, ERR_PARSE, "a broken ELF file");
}

/* n bytes at an offset that the file itself named. */
static int take(const struct file *f, uint64_t at, void *to, size_t n, struct err *e)
{
	ssize_t got;

	if (at > f->size || n > f->size - at)
		return broken(e);
	do
		got = pread(f->fd, to, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "cannot read an ELF file");
	return got == (ssize_t)n ? 0 : broken(e);
}

static int file_begin(int fd, struct file *f, struct err *e)
{
	const unsigned char little = 1;
	uint16_t probe = 1;
	struct stat st;
	int order = memcmp(&probe, &little, 1) == 0 ? ELFDATA2LSB : ELFDATA2MSB;

	*f = (struct file){.fd = fd};
	if (fstat(fd, &st) < 0)
		return err_sys(e, "cannot read an ELF file");
	f->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	if (!S_ISREG(st.st_mode) || f->size < EI_NIDENT ||
	    take(f, 0, f->header, EI_NIDENT, e) < 0 || memcmp(f->header, ELFMAG, SELFMAG) != 0)
		return err_set(e, ERR_PARSE, "not an ELF file");
	if (f->header[EI_DATA] != order ||
	    (f->header[EI_CLASS] != ELFCLASS32 && f->header[EI_CLASS] != ELFCLASS64))
		return broken(e);
	f->l = f->header[EI_CLASS] == ELFCLASS64 ? &layout_64 : &layout_32;
	return take(f, 0, f->header, f->l->header, e);
}

/* A table of program or section headers, whole; ERR_PARSE when the file does not hold it. */
static int table_read(const struct file *f, uint64_t at, size_t n, size_t size, unsigned char **ret,
		      struct err *e)
{
	CLEANUP(freep) unsigned char *table = NULL;

	if (at > f->size || n * size > f->size - at)
		return broken(e);
	table = mem_alloc(n * size);
	if (take(f, at, table, n * size, e) < 0)
		return -(int)e->code;
	*ret = TAKE(table);
	return 0;
}

struct segments {
	unsigned char *table;
	size_t n;
};

/* The offset in the file of an address; false: nothing is loaded there. */
static bool offset_of(const struct file *f, const struct segments *s, uint64_t address,
		      uint64_t *ret)
{
	const struct layout *l = f->l;

	for (size_t i = 0; i < s->n; i++) {
		const unsigned char *p = s->table + i * l->ph_size;
		uint64_t from = word(l, p + l->ph_vaddr);
		uint64_t size = word(l, p + l->ph_filesz);
		uint64_t at = word(l, p + l->ph_offset);
		uint32_t type;

		memcpy(&type, p, sizeof(type));
		if (type != PT_LOAD || address < from || address - from >= size ||
		    at > UINT64_MAX - (address - from))
			continue;
		*ret = at + (address - from);
		return true;
	}
	return false;
}

/* DT_SONAME and DT_STRTAB of a dynamic section; false: it has no SONAME. */
static bool soname_place(const struct file *f, const unsigned char *dyn, size_t n,
			 uint64_t *ret_table, uint64_t *ret_offset)
{
	const struct layout *l = f->l;
	bool has_table = false;
	bool has_name = false;

	for (size_t i = 0; i + l->dyn_size <= n; i += l->dyn_size) {
		uint64_t tag = word(l, dyn + i);
		uint64_t value = word(l, dyn + i + l->word);

		if (tag == DT_NULL)
			break;
		if (tag == DT_SONAME) {
			*ret_offset = value;
			has_name = true;
		} else if (tag == DT_STRTAB) {
			*ret_table = value;
			has_table = true;
		}
	}
	return has_table && has_name;
}

static int soname_read(const struct file *f, const struct segments *s, const unsigned char *dynamic,
		       struct elf *ret, struct err *e)
{
	const struct layout *l = f->l;
	uint64_t size = word(l, dynamic + l->ph_filesz);
	CLEANUP(freep) unsigned char *dyn = NULL;
	uint64_t strings = 0;
	uint64_t name = 0;
	uint64_t at = 0;
	size_t n = sizeof(ret->soname);

	if (size > DYNAMIC_MAX)
		return broken(e);
	if (table_read(f, word(l, dynamic + l->ph_offset), 1, (size_t)size, &dyn, e) < 0)
		return -(int)e->code;
	if (!soname_place(f, dyn, (size_t)size, &strings, &name))
		return 0;
	if (!offset_of(f, s, strings, &at) || name > f->size || at > f->size - name)
		return broken(e);
	at += name;
	if (n > f->size - at)
		n = (size_t)(f->size - at);
	if (take(f, at, ret->soname, n, e) < 0)
		return -(int)e->code;
	/* A name that does not end, or that would be a path, is none. */
	if (!memchr(ret->soname, '\0', n) || strchr(ret->soname, '/')) {
		ret->soname[0] = '\0';
		return broken(e);
	}
	return 0;
}

static int segments_read(const struct file *f, struct segments *s, struct err *e)
{
	const struct layout *l = f->l;
	size_t n = half(f->header + l->phnum);

	if (!n)
		return 0;
	if (n > HEADERS_MAX || half(f->header + l->phentsize) != l->ph_size)
		return broken(e);
	if (table_read(f, word(l, f->header + l->phoff), n, l->ph_size, &s->table, e) < 0)
		return -(int)e->code;
	s->n = n;
	return 0;
}

int elf_read(int fd, struct elf *ret, struct err *e)
{
	struct segments s = {0};
	struct elf elf = {0};
	struct file f;
	int code = 0;

	if (file_begin(fd, &f, e) < 0)
		return -(int)e->code;
	elf.machine = (uint16_t)half(f.header + offsetof(Elf64_Ehdr, e_machine));
	elf.is_64 = f.l == &layout_64;
	elf.is_library = half(f.header + offsetof(Elf64_Ehdr, e_type)) == ET_DYN;
	code = segments_read(&f, &s, e);
	for (size_t i = 0; !code && i < s.n; i++) {
		uint32_t type;

		memcpy(&type, s.table + i * f.l->ph_size, sizeof(type));
		if (type != PT_DYNAMIC)
			continue;
		code = soname_read(&f, &s, s.table + i * f.l->ph_size, &elf, e);
		break;
	}
	freep(&s.table);
	if (!code)
		*ret = elf;
	return code;
}

/* Whether the text at an offset in the section of names is name. */
static bool name_is(const struct file *f, uint64_t at, const char *name)
{
	char text[64];
	size_t n = strlen(name) + 1;
	struct err ignored = {0};

	return n <= sizeof(text) && take(f, at, text, n, &ignored) == 0 &&
	       memcmp(text, name, n) == 0;
}

int elf_section(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	CLEANUP(freep) unsigned char *table = NULL;
	struct file f;
	size_t n;
	size_t names;
	uint64_t strings;

	if (file_begin(fd, &f, e) < 0)
		return -(int)e->code;
	n = half(f.header + f.l->shnum);
	names = half(f.header + f.l->shstrndx);
	if (n > SECTIONS_MAX ||
	    (n && (half(f.header + f.l->shentsize) != f.l->sh_size || names >= n)))
		return broken(e);
	if (n && table_read(&f, word(f.l, f.header + f.l->shoff), n, f.l->sh_size, &table, e) < 0)
		return -(int)e->code;
	strings = n ? word(f.l, table + names * f.l->sh_size + f.l->sh_offset) : 0;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *s = table + i * f.l->sh_size;
		uint64_t at = word(f.l, s + f.l->sh_offset);
		uint64_t size = word(f.l, s + f.l->sh_bytes);
		CLEANUP(freep) char *text = NULL;
		uint32_t name_at;

		memcpy(&name_at, s, sizeof(name_at));
		if (strings > f.size || !name_is(&f, strings + name_at, name))
			continue;
		if (size > max || size > f.size)
			return broken(e);
		text = mem_alloc((size_t)size + 1);
		if (take(&f, at, text, (size_t)size, e) < 0)
			return -(int)e->code;
		*ret = TAKE(text);
		*ret_len = (size_t)size;
		return 0;
	}
	return err_set(e, ERR_ABSENT, "no section '%s'", name);
}
