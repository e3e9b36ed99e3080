/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <elf.h>
#include <string.h>

/* A library with nothing but a SONAME and, if it is not empty, CUDA's compatibility note. */
struct tree_image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Dyn dynamic[3];
	char strings[64];
	Elf64_Shdr sections[3];
	char names[64];
	uint32_t note_head[3];
	char note_owner[20];
	char note[128];
};

static inline struct tree_image tree_image(const char *soname, const char *note)
{
	struct tree_image m = {
		.header =
			{
				.e_type = ET_DYN,
				.e_phoff = offsetof(struct tree_image, segments),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = 2,
				.e_shoff = offsetof(struct tree_image, sections),
				.e_shentsize = sizeof(Elf64_Shdr),
				.e_shnum = note[0] ? 3 : 2,
				.e_shstrndx = 1,
			},
		.segments = {{.p_type = PT_LOAD,
			      .p_filesz = sizeof(struct tree_image),
			      .p_vaddr = 4096},
			     {.p_type = PT_DYNAMIC,
			      .p_offset = offsetof(struct tree_image, dynamic),
			      .p_filesz = sizeof(m.dynamic)}},
		.dynamic = {{.d_tag = DT_SONAME, .d_un.d_val = 1},
			    {.d_tag = DT_STRTAB,
			     .d_un.d_ptr = 4096 + offsetof(struct tree_image, strings)},
			    {.d_tag = DT_NULL}},
		.sections = {{0},
			     {.sh_name = 1,
			      .sh_offset = offsetof(struct tree_image, names),
			      .sh_size = sizeof(m.names)},
			     {.sh_name = 11,
			      .sh_offset = offsetof(struct tree_image, note_head),
			      .sh_size =
				      sizeof(m.note_head) + sizeof(m.note_owner) + sizeof(m.note)}},
		.names = "\0.shstrtab\0.note.cuda.fwd_compatibility",
		.note_head = {sizeof("NVIDIA Corporation"), sizeof(m.note), 1},
		.note_owner = "NVIDIA Corporation",
	};

	memcpy(m.header.e_ident, ELFMAG, SELFMAG);
	m.header.e_ident[EI_CLASS] = ELFCLASS64;
	m.header.e_ident[EI_DATA] = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
#ifdef __aarch64__
	m.header.e_machine = EM_AARCH64;
#else
	m.header.e_machine = EM_X86_64;
#endif
	memcpy(m.strings + 1, soname, strnlen(soname, sizeof(m.strings) - 2));
	memcpy(m.note, note, strnlen(note, sizeof(m.note) - 1));
	return m;
}
