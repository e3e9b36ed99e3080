/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "net/net_parts.h"

enum { TIMEOUT_MS = 120000, CONNECT_S = 20, ATTEMPTS = 3 };

static const char http_mark[] = "dlenv-http ";

/* ~/.curlrc could switch off what is asked for here. */
static void curl_words(const struct net_get *g, const char *file, int seconds, struct strs *ret)
{
	static const char *const words[] = {
		"curl",	   "--disable", "--silent",	 "--show-error", "--fail", "--location",
		"--proto", "=https",	"--proto-redir", "=https",	 NULL};

	strs_add_all(ret, words);
	strs_add_all(ret, (const char *const[]){"--max-redirs", "8", "--max-filesize", NULL});
	strs_fmt(ret, "%zu", g->max);
	strs_add(ret, "--connect-timeout");
	strs_fmt(ret, "%d", CONNECT_S);
	strs_add(ret, "--max-time");
	strs_fmt(ret, "%d", seconds);
	strs_add(ret, "--write-out");
	strs_fmt(ret, "\n%s%%{http_code}\n", http_mark);
	strs_add_all(ret, (const char *const[]){"--output", file, "--url", g->url, NULL});
}

/* Redirections from https to http are refused by apt itself. */
static void apt_words(const struct net_get *g, const char *file, int seconds, struct strs *ret)
{
	static const char *const options[] = {"APT::Sandbox::User=root", "Acquire::Retries=0",
					      "Acquire::https::Verify-Peer=true",
					      "Acquire::https::Verify-Host=true", NULL};

	strs_add(ret, "/usr/lib/apt/apt-helper");
	for (size_t i = 0; options[i]; i++)
		strs_add_all(ret, (const char *const[]){"-o", options[i], NULL});
	strs_add(ret, "-o");
	strs_fmt(ret, "Acquire::https::Timeout=%d", seconds < CONNECT_S ? seconds : CONNECT_S);
	strs_add_all(ret, (const char *const[]){"download-file", g->url, file, NULL});
}

static const struct fetcher {
	const char *program;
	const char *mark; /* how the line begins that says what went wrong */
	bool quiet;	  /* its workers do not tell that a signal ended them */
	void (*words)(const struct net_get *g, const char *file, int seconds, struct strs *ret);
} fetchers[NET_PROGRAMS] = {
	[NET_CURL] = {"curl", "curl: (", false, curl_words},
	[NET_APT] = {"/usr/lib/apt/apt-helper", "E: Failed", true, apt_words},
};

/* NET_PROGRAMS: none is there. */
static enum net_program fetcher_here(void)
{
	for (enum net_program i = 0; i < NET_PROGRAMS; i++) {
		CLEANUP(freep) char *path = proc_find(fetchers[i].program);

		if (path)
			return i;
	}
	return NET_PROGRAMS;
}

bool net_is_possible(void)
{
	return fetcher_here() != NET_PROGRAMS;
}

/* What a program said, as it runs. */
struct listening {
	const struct fetcher *fetcher;
	int http;
	bool marked; /* said is the line that begins with the mark, the first one */
	char said[256];
};

static int listen_line(void *arg, const char *line)
{
	struct listening *l = arg;

	if (str_starts(line, http_mark)) {
		const char *p = line + sizeof(http_mark) - 1;

		l->http = 0;
		for (int i = 0; i < 3 && p[i] >= '0' && p[i] <= '9'; i++)
			l->http = l->http * 10 + p[i] - '0';
		return 0;
	}
	if (l->marked)
		return 0;
	l->marked = str_starts(line, l->fetcher->mark);
	(void)snprintf(l->said, sizeof(l->said), "%s", line);
	return 0;
}

/*
 * curl looks at the length that a server declares, and before 8.4 at nothing else: the kernel stops
 * whatever writes more.
 */
struct bounds {
	size_t max;
	const struct fetcher *fetcher;
};

static int bound(void *arg, struct err *e)
{
	const struct bounds *b = arg;
	const struct rlimit limit = {b->max, b->max};

	(void)umask(077);
	(void)signal(SIGXFSZ, b->fetcher->quiet ? SIG_IGN : SIG_DFL);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return err_sys(e, "cannot bound the size of files");
	return 0;
}

static int attempt(const struct net_get *g, enum net_program program, const char *file, int left_ms,
		   bool *ret_again, struct err *e)
{
	CLEANUP(strs_fini) struct strs words = {0};
	struct listening heard = {.fetcher = &fetchers[program]};
	struct bounds bounds = {g->max, &fetchers[program]};
	struct proc p = {
		.log_fd = g->log_fd,
		.on_line = listen_line,
		.arg = &heard,
		.timeout_ms = left_ms + 2000, /* the program's own words are better */
		.in_child = bound,
		.in_child_arg = &bounds,
	};
	struct net_end end = {.program = program};

	(void)unlink(file);
	fetchers[program].words(g, file, (left_ms + 999) / 1000, &words);
	p.argv = (const char *const *)words.v;
	if (proc_run(&p, &end.status, e) < 0) {
		*ret_again = false;
		return e->code == ERR_BUSY
			       ? err_set(e, ERR_NET, "the server did not answer in time: '%.300s'",
					 g->url)
			       : -(int)e->code;
	}
	end.http = heard.http;
	end.said = heard.said;
	return end.status ? net_judge(g, &end, ret_again, e) : 0;
}

static int attempts(const struct net_get *g, enum net_program program, const char *file,
		    struct err *e)
{
	static const int pause_ms[ATTEMPTS - 1] = {500, 2000};
	int64_t end = mono_ms() + (g->timeout_ms ? g->timeout_ms : TIMEOUT_MS);
	bool again = true;

	for (int i = 0;; i++) {
		struct err now = {0};
		const struct timespec t = {pause_ms[i % (ATTEMPTS - 1)] / 1000,
					   pause_ms[i % (ATTEMPTS - 1)] % 1000 * 1000000L};
		int64_t left = end - mono_ms();

		if (left < 1 && i)
			return -(int)e->code;
		if (attempt(g, program, file, (int)left, &again, &now) == 0)
			return 0;
		*e = now;
		if (!again || i + 1 >= ATTEMPTS)
			return -(int)e->code;
		(void)nanosleep(&t, NULL);
	}
}

/* What arrived, by its descriptor: a whole file of a size that is allowed, for us alone. */
static int settle(const struct net_get *g, const char *file, struct err *e)
{
	CLEANUP(fd_closep) int fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NET, "the server sent nothing: '%.300s'", g->url);
	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, 0600) < 0)
		return err_sys(e, "cannot open '%s'", file);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > g->max)
		return err_set(e, ERR_VERIFY, "the server sends more than %zu bytes: '%.300s'",
			       g->max, g->url);
	if (!st.st_size)
		return err_set(e, ERR_NET, "the server sent nothing: '%.300s'", g->url);
	if (rename(file, g->path) < 0)
		return err_sys(e, "cannot write '%s'", g->path);
	return 0;
}

static int check_url(const char *url, struct err *e)
{
	if (!str_starts(url, "https://"))
		return err_set(e, ERR_CONFIG, "the address '%.300s' does not begin with https://",
			       url);
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
			return err_set(e, ERR_CONFIG, "the address '%.300s' cannot be one", url);
	return 0;
}

int net_fetch(const struct net_get *g, struct err *e)
{
	CLEANUP(freep) char *file = str_fmt("%s.dlenv-new", g->path);
	enum net_program program = fetcher_here();

	(void)unlink(g->path);
	if (check_url(g->url, e) < 0)
		return -(int)e->code;
	if (program == NET_PROGRAMS) {
		(void)err_set(e, ERR_NOCMD, "there is no program to fetch files with");
		return err_hint(e, "install curl");
	}
	if (attempts(g, program, file, e) < 0 || settle(g, file, e) < 0) {
		(void)unlink(file);
		return -(int)e->code;
	}
	return 0;
}
