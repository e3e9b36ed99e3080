/* SPDX-License-Identifier: Apache-2.0 */
/* Any config.json: what the programs for engines read of it, and which GPUs its container asks for.
 */
#include <stdint.h>

#include "base/mem.h"
#include "hook/bundle.h"
#include "hook/wish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NUL bytes are kept: a reader of files would meet them, too. */
static char *text_of(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);

	for (size_t i = 0; i < size; i++)
		text[i] = (char)data[i];
	return text;
}

static void check(int code, const struct err *e)
{
	if (code < 0 && (code != -(int)e->code || !e->msg[0]))
		err_bug("wrong error %d '%s'", code, e->msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *prefixes[] = {"cdi.k8s.io/", NULL};
	const struct toolkit_config c = {
		.accept_devices_as_volume_mounts = true,
		.accept_devices_envvar_when_unprivileged = true,
		.swarm_resource = "DOCKER_RESOURCE_GPU",
		.runtime.cdi_annotation_prefixes = prefixes,
	};
	CLEANUP(bundle_fini) struct bundle b = {0};
	CLEANUP(wish_fini) struct wish w = {0};
	struct err e = {0};
	int code = bundle_parse(text_of(data, size), size, "config.json", &b, &e);

	if (code == 0)
		code = wish_read(&b, &c, true, &w, &e);
	check(code, &e);
	if (code == 0 && w.names && !w.names[0])
		err_bug("names without one");
	return 0;
}
