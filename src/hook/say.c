/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/say.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json_edit.h"
#include "base/mem.h"
#include "base/str.h"

static char *line_of(const char *program, const struct err *e)
{
	return e->hint[0] ? str_fmt("%s: %s (%s)", program, e->msg, e->hint)
			  : str_fmt("%s: %s", program, e->msg);
}

static int log_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
}

void say_to_log(const char *program, const char *log, bool json, const struct err *e)
{
	CLEANUP(fd_closep) int fd = log_open(log);
	CLEANUP(freep) char *line = line_of(program, e);
	CLEANUP(freep) char *quoted = json_quote(line);
	CLEANUP(buf_fini) struct buf entry = {0};
	time_t now = time(NULL);
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (json)
		buf_fmt(&entry, "{\"level\":\"error\",\"msg\":%s,\"time\":\"%s\"}\n", quoted, when);
	else
		buf_fmt(&entry, "time=\"%s\" level=error msg=%s\n", when, quoted);
	/* Where it cannot be written, stderr has it. */
	if (fd >= 0)
		(void)!write_all(fd, entry.data, entry.len);
}

void say_to_debug(const char *program, const char *file, const struct strs *notes,
		  const struct err *e)
{
	CLEANUP(fd_closep) int fd = log_open(file);
	CLEANUP(buf_fini) struct buf text = {0};

	for (size_t i = 0; i < notes->n; i++)
		buf_fmt(&text, "%s: %s\n", program, notes->v[i]);
	if (e->code)
		buf_fmt(&text, "%s: %s\n", program, e->msg);
	if (fd >= 0 && text.len)
		(void)!write_all(fd, text.data, text.len);
}
