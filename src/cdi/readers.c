/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: an engine is asked for its version once for each file that it is (path, size and
 * time of change), and the answer is kept. What a version reads is a row. Nothing that we write
 * needs more than CDI 0.7.0, so no row says more; where it is not known when an engine learned it,
 * the row is the later one, which costs the groups of nodes and nothing else.
 */
#include "cdi/readers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/version.h"

enum { CACHE_MAX = 65536, ASK_MS = 5000 };

static const struct {
	const char *engine;
	const char *program;
} engines[] = {
	{"podman", "podman"},
	{"docker", "dockerd"},
	{"containerd", "containerd"},
	{"crio", "crio"},
};

/* Newest first. By the CDI library that each release was built with. */
static const struct {
	const char *engine;
	const char *since;
	const char *reads;
} rows[] = {
	{"podman", "5.1", "0.7.0"},
	{"podman", "4.8", "0.6.0"},
	{"podman", "4.3", "0.5.0"},
	{"podman", "4.1", "0.3.0"},
	{"docker", "26.1", "0.7.0"}, /* moby/moby#47706 */
	{"docker", "25", "0.6.0"},
	{"containerd", "1.7.16", "0.7.0"}, /* containerd/containerd#10077 */
	{"containerd", "1.7.13", "0.6.0"}, /* containerd/containerd#9685 */
	{"containerd", "1.7", "0.5.0"},
	{"crio", "1.30", "0.7.0"}, /* cncf-tags/container-device-interface#199 */
	{"crio", "1.28", "0.6.0"},
	{"crio", "1.25", "0.5.0"},
};

const char *cdi_reader_version(const char *engine, const char *version)
{
	struct version have = version_in(version);

	for (size_t i = 0; i < COUNT(rows) && have.n; i++) {
		struct version since = version_in(rows[i].since);

		if (str_eq(rows[i].engine, engine) && version_compare(&have, &since) >= 0)
			return rows[i].reads;
	}
	return NULL;
}

const char *const cdi_reader_engines[] = {"podman", "docker", "containerd", "crio", NULL};

const char *cdi_reader_since(const char *engine, const char *cdi_version)
{
	struct version wanted = version_in(cdi_version);
	const char *since = NULL;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct version reads = version_in(rows[i].reads);

		if (str_eq(rows[i].engine, engine) && version_compare(&reads, &wanted) >= 0)
			since = rows[i].since;
	}
	return since;
}

struct answer {
	char text[256];
};

static int first_line(void *arg, const char *line)
{
	struct answer *a = arg;

	if (!a->text[0])
		(void)snprintf(a->text, sizeof(a->text), "%s", line);
	return 0;
}

/* What the program says of itself; "" when it does not answer. */
static void ask(const char *program, struct answer *ret)
{
	const char *const argv[] = {program, "--version", NULL};
	const struct proc p = {
		.argv = argv, .on_line = first_line, .arg = ret, .timeout_ms = ASK_MS};
	struct err ignored = {0};
	int status = 0;

	if (proc_run(&p, &status, &ignored) < 0 || status)
		ret->text[0] = '\0';
}

/* The rest of the kept line that begins with key. */
static bool find_kept(const char *kept, const char *key, struct answer *ret)
{
	size_t n = strlen(key);

	for (const char *line = kept; line && *line;) {
		const char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);

		if (len > n && strncmp(line, key, n) == 0 && line[n] == '\t') {
			(void)snprintf(ret->text, sizeof(ret->text), "%.*s", (int)(len - n - 1),
				       line + n + 1);
			return true;
		}
		line = end ? end + 1 : NULL;
	}
	return false;
}

static bool is_older(const char *a, const char *b)
{
	struct version x = version_in(a);
	struct version y = version_in(b);

	return version_compare(&x, &y) < 0;
}

const char *cdi_readers_version(const char *cache)
{
	CLEANUP(freep) char *file = cache ? str_fmt("%s/engines", cache) : NULL;
	CLEANUP(freep) char *kept = NULL;
	CLEANUP(buf_fini) struct buf now = {0};
	struct err ignored = {0};
	const char *lowest = NULL;
	bool changed = false;

	if (file && file_read(AT_FDCWD, file, CACHE_MAX, &kept, NULL, &ignored) < 0)
		kept = NULL;
	for (size_t i = 0; i < COUNT(engines); i++) {
		CLEANUP(freep) char *path = proc_find(engines[i].program);
		CLEANUP(freep) char *key = NULL;
		struct answer a = {0};
		const char *reads;
		struct stat st;

		if (!path || stat(path, &st) < 0)
			continue;
		key = str_fmt("%s %lld %lld", path, (long long)st.st_mtime, (long long)st.st_size);
		if (!find_kept(kept, key, &a)) {
			ask(path, &a);
			changed = true;
		}
		buf_fmt(&now, "%s\t%s\n", key, a.text);
		reads = cdi_reader_version(engines[i].engine, a.text);
		if (reads && (!lowest || is_older(reads, lowest)))
			lowest = reads;
	}
	if (changed && file && now.data &&
	    file_write(AT_FDCWD, file, now.data, now.len, 0644, 0, &ignored) < 0)
		return lowest; /* it is only slower the next time */
	return lowest;
}
