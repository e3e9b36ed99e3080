/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlenv-nvml [--root DIR] [--fd N] --names | --state
 * dlenv-nvml [--root DIR] --cuda
 *
 * Asks NVML and writes what it says to a descriptor (1) as one JSON object; host/nvml.c runs it and
 * reads that. A program of its own because NVML must be loaded (dlenv is static), and because it
 * may hang: then it can be killed. The status says how it went. With --cuda it computes on the GPUs
 * and prints one line for people (cuda.h).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "nvml/api.h"
#include "nvml/ask.h"
#include "nvml/cuda.h"
#include "nvml/out.h"

enum status {
	STATUS_ANSWERED = 0,
	STATUS_REFUSED = 1, /* NVML's own words are the last line on standard error */
	STATUS_USAGE = 2,
	STATUS_NO_LIBRARY = 3,
};

struct options {
	const char *root;
	int fd;
	int state; /* -1: neither --names nor --state */
	bool cuda;
};

static int digit(const char *s)
{
	return s && s[0] >= '0' && s[0] <= '9' && !s[1] ? s[0] - '0' : -1;
}

static int usage(void)
{
	(void)fputs("usage: dlenv-nvml [--root DIR] [--fd N] --names | --state | --cuda\n", stderr);
	return STATUS_USAGE;
}

static int parse(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){.root = "/", .fd = 1, .state = -1};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--names") == 0)
			ret->state = ret->state > 0;
		else if (strcmp(argv[i], "--state") == 0)
			ret->state = 1;
		else if (strcmp(argv[i], "--cuda") == 0)
			ret->cuda = true;
		else if (strcmp(argv[i], "--root") == 0 && argv[i + 1])
			ret->root = argv[++i];
		else if (strcmp(argv[i], "--fd") == 0 && digit(argv[i + 1]) > 0)
			ret->fd = digit(argv[++i]);
		else
			return usage();
	}
	return ret->state < 0 && !ret->cuda ? usage() : 0;
}

static int answer(const struct nvml_api *api, const struct options *o)
{
	struct out out = {.file = fdopen(o->fd, "w")};
	int code;

	if (!out.file)
		return usage();
	code = api->init();
	if (code == NVML_OK)
		code = ask(api, o->state > 0, &out);
	if (code != NVML_OK) {
		(void)fprintf(stderr, "%s\n", api->error(code));
		return STATUS_REFUSED;
	}
	/* Not nvmlShutdown: the answer is complete, and a broken GPU may hang that too. */
	if (fflush(out.file) != 0)
		return STATUS_REFUSED;
	return STATUS_ANSWERED;
}

int main(int argc, char **argv)
{
	struct nvml_api api = {0};
	struct options o;
	const char *why = NULL;
	int status = parse(argc, argv, &o);

	if (status)
		return status;
	/* Whoever asked has gone: nobody reads the answer. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (o.cuda) {
		status = cuda_try(o.root);
		(void)fflush(stdout);
		_exit(status);
	}
	if (!api_load(&api, o.root, &why)) {
		(void)fprintf(stderr, "%s cannot be loaded\n", why);
		return STATUS_NO_LIBRARY;
	}
	status = answer(&api, &o);
	(void)fflush(stderr);
	_exit(status);
}
