/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "test.h"

/* A library with nothing but a SONAME and one section. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Dyn dynamic[3];
	char strings[32];
	Elf64_Shdr sections[3];
	char names[32];
	char note[8];
};

static struct image image(void)
{
	struct image m = {
		.segments = {{.p_type = PT_LOAD, .p_filesz = sizeof(struct image), .p_vaddr = 4096},
			     {.p_type = PT_DYNAMIC,
			      .p_offset = offsetof(struct image, dynamic),
			      .p_filesz = sizeof(m.dynamic)}},
		.dynamic = {{.d_tag = DT_SONAME, .d_un.d_val = 1},
			    {.d_tag = DT_STRTAB,
			     .d_un.d_ptr = 4096 + offsetof(struct image, strings)},
			    {.d_tag = DT_NULL}},
		.strings = "\0libcuda.so.1",
		.sections = {{0},
			     {.sh_name = 1,
			      .sh_offset = offsetof(struct image, names),
			      .sh_size = sizeof(m.names)},
			     {.sh_name = 10,
			      .sh_offset = offsetof(struct image, note),
			      .sh_size = sizeof(m.note)}},
		.names = "\0.shstrtab\0.note",
		.note = "content",
	};

	m.sections[2].sh_name = 11;
	memcpy(m.header.e_ident, ELFMAG, SELFMAG);
	m.header.e_ident[EI_CLASS] = ELFCLASS64;
	m.header.e_ident[EI_DATA] = ELFDATA2LSB;
	m.header.e_type = ET_DYN;
	m.header.e_machine = EM_X86_64;
	m.header.e_phoff = offsetof(struct image, segments);
	m.header.e_phentsize = sizeof(Elf64_Phdr);
	m.header.e_phnum = 2;
	m.header.e_shoff = offsetof(struct image, sections);
	m.header.e_shentsize = sizeof(Elf64_Shdr);
	m.header.e_shnum = 3;
	m.header.e_shstrndx = 1;
	return m;
}

static int read_image(const struct image *m, size_t size, struct elf *ret)
{
	CLEANUP(fd_closep) int fd = memfd_create("elf", MFD_CLOEXEC);
	struct err e = {0};

	assert_int_equal(write_all(fd, m, size), 0);
	return elf_read(fd, ret, &e);
}

TEST(the_soname_is_found)
{
	struct image m = image();
	struct elf elf = {0};

	assert_int_equal(read_image(&m, sizeof(m), &elf), 0);
	assert_string_equal(elf.soname, "libcuda.so.1");
	assert_int_equal(elf.machine, EM_X86_64);
	assert_true(elf.is_64);
	assert_true(elf.is_library);
}

TEST(a_real_library_is_read)
{
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6",
					    "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"};
	CLEANUP(fd_closep) int fd = -1;
	struct elf elf = {0};
	struct err e = {0};

	for (size_t i = 0; i < COUNT(paths) && fd < 0; i++)
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	assert_int_equal(elf_read(fd, &elf, &e), 0);
	assert_string_equal(elf.soname, "libc.so.6");
}

TEST(every_shorter_file_is_refused_and_nothing_is_returned)
{
	struct image m = image();

	for (size_t n = 0; n < offsetof(struct image, strings) + 14; n++) {
		struct elf elf = {0};

		assert_int_equal(read_image(&m, n, &elf), -ERR_PARSE);
		assert_string_equal(elf.soname, "");
	}
}

TEST(lies_about_places_are_refused)
{
	struct elf elf = {0};
	struct image m = image();

	m.header.e_phoff = UINT64_MAX - 8;
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
	m = image();
	m.header.e_phentsize = 1;
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
	m = image();
	m.segments[1].p_filesz = UINT64_MAX;
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
	m = image();
	m.dynamic[0].d_un.d_val = UINT64_MAX;
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
	m = image();
	m.segments[0].p_offset = UINT64_MAX;
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
	m = image();
	memcpy(m.strings, "\0../../etc/x", 13);
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
	m = image();
	m.header.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(read_image(&m, sizeof(m), &elf), -ERR_PARSE);
}

TEST(a_section_is_found_by_its_name)
{
	CLEANUP(fd_closep) int fd = memfd_create("elf", MFD_CLOEXEC);
	CLEANUP(freep) char *text = NULL;
	struct image m = image();
	struct err e = {0};
	size_t len = 0;

	assert_int_equal(write_all(fd, &m, sizeof(m)), 0);
	assert_int_equal(elf_section(fd, ".note", 64, &text, &len, &e), 0);
	assert_int_equal(len, sizeof(m.note));
	assert_string_equal(text, "content");
	freep(&text);
	assert_int_equal(elf_section(fd, ".note", 4, &text, &len, &e), -ERR_PARSE);
	assert_int_equal(elf_section(fd, ".notes", 64, &text, &len, &e), -ERR_ABSENT);
}

RUN(IT(the_soname_is_found), IT(a_real_library_is_read),
    IT(every_shorter_file_is_refused_and_nothing_is_returned), IT(lies_about_places_are_refused),
    IT(a_section_is_found_by_its_name))
