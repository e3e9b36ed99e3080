/* SPDX-License-Identifier: Apache-2.0 */
/* Any text in a file of sources: what is switched on is switched on once, and all else is as it
 * was. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pkg/pkg_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All letters of before are in after, in their order. */
static void check_kept(const char *before, const char *after)
{
	for (; *before; before++, after++) {
		after = strchr(after, *before);
		if (!after)
			err_bug("something was lost");
	}
}

static void add_components(const char *path, const char *text)
{
	static const char *const components[] = {"contrib", "non-free", NULL};
	CLEANUP(freep) char *once = pkg_apt_components(path, text, components);
	CLEANUP(freep) char *twice = once ? pkg_apt_components(path, once, components) : NULL;

	if (once)
		check_kept(text, once);
	if (twice)
		err_bug("added twice");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"a.list", "a.sources", "a.repo"};
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(strs_fini) struct strs ids = {0};
	CLEANUP(freep) char *enabled = NULL;
	CLEANUP(freep) char *again = NULL;

	buf_str(&text, "");
	buf_add(&text, data, size);
	if (strlen(text.data) != size)
		return 0;
	for (size_t i = 0; i < COUNT(paths); i++)
		(void)repo_text_names(paths[i], text.data, "example.com/x");
	add_components("a.list", text.data);
	add_components("a.sources", text.data);
	repo_text_remote_keys(text.data, &ids);
	enabled = pkg_repo_enable(text.data, "a");
	again = enabled ? pkg_repo_enable(enabled, "a") : NULL;
	if (again)
		err_bug("switched on twice");
	return 0;
}
