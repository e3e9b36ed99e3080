/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

void json_unrefp(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

char *json_text(const json_t *j)
{
	char *text = json_dumps(j, JSON_SORT_KEYS | JSON_INDENT(2) | JSON_ENCODE_ANY);
	char *line;

	if (!text)
		err_bug("cannot write a JSON document");
	line = str_fmt("%s\n", text);
	free(text);
	return line;
}

int json_write_file(int dir, const char *path, const json_t *j, mode_t mode, unsigned int flags,
		    struct err *e)
{
	CLEANUP(freep) char *text = json_text(j);

	return file_write(dir, path, text, strlen(text), mode, flags, e);
}
