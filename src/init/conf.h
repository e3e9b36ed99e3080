/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * dlenv-init's configuration: text, one directive a line. The format is in
 * doc/design/init.md. It is written by dlenv, so it is read strictly: whatever
 * is unknown, repeated or out of bounds is an error with its line number.
 */

enum {
	CONF_SIZE_MAX = 256 * 1024, /* of the whole text */
	CONF_SERVICES_MAX = 64,
	CONF_NAME_MAX = 63,
	CONF_ARGS_MAX = 256, /* arguments of a service, and as many variables */
	CONF_GROUPS_MAX = 64,
	CONF_LOG_MIN = 8192, /* smallest log-max: two chunks of output */
};

/* An id that was not given: the service keeps the one of dlenv-init. */
#define CONF_NO_ID UINT32_MAX

enum conf_restart { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS };

struct conf_service {
	const char *name; /* safe as a file name */
	char **argv;	  /* at least one; NULL-terminated */
	char **env;	  /* NAME=VALUE, the whole environment; NULL-terminated */
	const char *cwd;
	uid_t uid; /* or CONF_NO_ID */
	gid_t gid; /* or CONF_NO_ID */
	gid_t *groups;
	size_t n_groups;
	bool keep_groups; /* those of dlenv-init stay */
	enum conf_restart restart;
	uint64_t stop_ms;
	struct sockaddr_storage health; /* where a healthy service listens */
	socklen_t health_len;		/* 0: no probe, running is healthy */
	uint64_t digest;		/* of its lines: equal when nothing was changed */
	struct conf_service *next;	/* in the order of the file */
};

/* A document: everything in it lives in the arena. */
struct conf {
	struct arena arena;
	const char *log_dir;
	const char *status;
	uint64_t log_max; /* bytes of one log file */
	struct conf_service *services;
	size_t n_services;
};

/*
 * Fill *ret with the defaults of a configuration file: no services, and log
 * folder and status file beside it.
 */
void conf_defaults(const char *path, struct conf *ret);

/*
 * Read the text of the configuration file at path (which only gives defaults).
 * ERR_PARSE, with the line number in the message, leaves *ret alone.
 */
int conf_parse(const char *path, const char *text, size_t len, struct conf *ret, struct err *e)
	MUST_USE;

/* conf_parse of the file's content. ERR_ABSENT when there is no file. */
int conf_load(const char *path, struct conf *ret, struct err *e) MUST_USE;

/* The service of that name, or NULL. */
const struct conf_service *conf_find(const struct conf *c, const char *name);

void conf_fini(struct conf *c);
