/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a journal: it is refused with its line, or every entry can be shown, written as JSON
 * and read again as the same operation.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "setup/execute.h"
#include "setup/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(struct journal_entry *entry)
{
	static const struct root nowhere = {.fd = -1, .path = (char *)"/nonexistent"};
	const struct executor x = {.root = &nowhere};
	CLEANUP(json_unrefp) json_t *first = op_json(&entry->op);
	CLEANUP(json_unrefp) json_t *second = NULL;
	CLEANUP(buf_fini) struct buf text = {0};
	struct arena a = {0};
	struct op again = {0};
	struct err e = {0};

	entry->op.kind->show(&entry->op, &x, &text);
	if (!text.len)
		err_bug("an operation that shows nothing");
	if (op_from_json(first, &a, &again, &e) < 0)
		err_bug("an operation of ours is refused: %s", e.msg);
	second = op_json(&again);
	if (!json_equal(first, second))
		err_bug("an operation has changed");
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(journal_close) struct journal j = {.fd = -1};
	struct err e = {0};

	if (journal_read(&j, (const char *)data, size, &e) < 0) {
		if (e.code != ERR_PARSE || strncmp(e.msg, "journal:", 8) != 0)
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	for (size_t i = 0; i < j.n; i++)
		check_entry(&j.v[i]);
	return 0;
}
