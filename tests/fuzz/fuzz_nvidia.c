/* SPDX-License-Identifier: Apache-2.0 */
/* Any text where NVIDIA's modules print theirs: what is read of it keeps its bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "host/nvidia_parts.h"
#include "host/nvidia_xid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	if (n == room)
		err_bug("a text without an end");
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			err_bug("a letter %d that terminals take for more", text[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = mem_alloc(size + 1);
	struct nv_information info;
	struct nv_xid xid;
	char version[NV_VERSION_LEN] = "";
	int major[NV_MAJORS];

	memcpy(text, data, size);
	nv_parse_information(text, &info);
	check_text(info.uuid, sizeof(info.uuid));
	check_text(info.model, sizeof(info.model));
	if (info.minor < -1 || info.minor >= 1 << 20)
		err_bug("a minor %d", info.minor);
	nv_parse_devices(text, major);
	for (int i = 0; i < NV_MAJORS; i++)
		if (major[i] < -1 || major[i] >= 1 << 20)
			err_bug("a major %d", major[i]);
	if (nv_parse_version(text, version))
		check_text(version, sizeof(version));
	if (nv_parse_xid(text, &xid)) {
		check_text(xid.pci, sizeof(xid.pci));
		check_text(xid.text, sizeof(xid.text));
	}
	if (nv_is_address(text) && strlen(text) > 16)
		err_bug("an address of %zu letters", strlen(text));
	if (nv_numbered(text, "gi") < -1 || nv_parse_minor(text, "gpu0/gi0/access") < -1)
		err_bug("a number below -1");
	return 0;
}
