/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the text is copied into the document's arena once and
 * decoded there in place (an escape never grows), so that arguments and
 * variables are pointers into that copy. Directives are rows of a table.
 */
#include "init/conf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/fs.h"
#include "base/str.h"

enum where {
	OUTSIDE = 1 << 0, /* allowed between services */
	INSIDE = 1 << 1,  /* allowed in a service */
	MANY = 1 << 2,	  /* may be repeated */
};

struct parser {
	struct conf *conf;
	struct conf_service *service; /* being read, or NULL */
	struct conf_service **end;    /* where the next service is linked in */
	char *argv[CONF_ARGS_MAX + 1];
	char *env[CONF_ARGS_MAX + 1];
	gid_t groups[CONF_GROUPS_MAX];
	size_t n_argv;
	size_t n_env;
	size_t n_groups;
	unsigned int seen_outside; /* rows of directives[] that were used, one bit each */
	unsigned int seen_inside;  /* of this service */
};

struct directive {
	const char *name;
	unsigned int flags;
	int (*read)(struct parser *p, char *value, struct err *e);
};

static int read_path(const char *what, char *value, const char **ret, struct err *e)
{
	if (*value != '/')
		return err_set(e, ERR_PARSE, "%s '%s' is not an absolute path", what, value);
	*ret = value;
	return 0;
}

static int read_log_dir(struct parser *p, char *value, struct err *e)
{
	return read_path("log-dir", value, &p->conf->log_dir, e);
}

static int read_status(struct parser *p, char *value, struct err *e)
{
	return read_path("status", value, &p->conf->status, e);
}

static int read_log_max(struct parser *p, char *value, struct err *e)
{
	uint64_t max;

	if (parse_uint(value, 1U << 30, "log-max", &max, e) < 0)
		return -(int)e->code;
	if (max < CONF_LOG_MIN)
		return err_set(e, ERR_PARSE, "log-max is smaller than %d", CONF_LOG_MIN);
	p->conf->log_max = max;
	return 0;
}

/* A name becomes part of file names and of a line of the status file. */
static bool name_is_safe(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789";
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!strchr(letters, name[i]) && (i == 0 || !strchr("._-", name[i])))
			return false;
	/* init.log is the log of dlenv-init itself. */
	return n > 0 && n <= CONF_NAME_MAX && !str_eq(name, "init");
}

static int read_service(struct parser *p, char *value, struct err *e)
{
	struct conf_service *s;

	if (!name_is_safe(value))
		return err_set(e, ERR_PARSE, "'%.80s' cannot be the name of a service", value);
	if (conf_find(p->conf, value))
		return err_set(e, ERR_PARSE, "the service '%s' is there twice", value);
	if (p->conf->n_services == CONF_SERVICES_MAX)
		return err_set(e, ERR_PARSE, "more than %d services", CONF_SERVICES_MAX);
	s = arena_alloc(&p->conf->arena, sizeof(*s));
	*s = (struct conf_service){
		.name = value,
		.cwd = "/",
		.uid = CONF_NO_ID,
		.gid = CONF_NO_ID,
		.restart = RESTART_ON_FAILURE,
		.stop_ms = 5000,
	};
	p->service = s;
	p->n_argv = p->n_env = p->n_groups = 0;
	p->seen_inside = 0;
	return 0;
}

static int read_arg(struct parser *p, char *value, struct err *e)
{
	if (p->n_argv == CONF_ARGS_MAX)
		return err_set(e, ERR_PARSE, "more than %d arguments", CONF_ARGS_MAX);
	p->argv[p->n_argv++] = value;
	return 0;
}

static int read_env(struct parser *p, char *value, struct err *e)
{
	if (*value == '=' || !strchr(value, '='))
		return err_set(e, ERR_PARSE, "env '%.80s' is not NAME=VALUE", value);
	if (p->n_env == CONF_ARGS_MAX)
		return err_set(e, ERR_PARSE, "more than %d variables", CONF_ARGS_MAX);
	p->env[p->n_env++] = value;
	return 0;
}

static int read_id(const char *what, const char *value, uint32_t *ret, struct err *e)
{
	uint64_t id;

	if (parse_uint(value, CONF_NO_ID - 1, what, &id, e) < 0)
		return -(int)e->code;
	*ret = (uint32_t)id;
	return 0;
}

static int read_uid(struct parser *p, char *value, struct err *e)
{
	return read_id("uid", value, &p->service->uid, e);
}

static int read_gid(struct parser *p, char *value, struct err *e)
{
	return read_id("gid", value, &p->service->gid, e);
}

static int read_group(struct parser *p, char *value, struct err *e)
{
	if (p->n_groups == CONF_GROUPS_MAX)
		return err_set(e, ERR_PARSE, "more than %d groups", CONF_GROUPS_MAX);
	if (read_id("group", value, &p->groups[p->n_groups], e) < 0)
		return -(int)e->code;
	p->n_groups++;
	return 0;
}

static int read_keep_groups(struct parser *p, char *value, struct err *e)
{
	if (!str_eq(value, "yes"))
		return err_set(e, ERR_PARSE, "keep-groups '%s' is not yes", value);
	p->service->keep_groups = true;
	return 0;
}

static int read_cwd(struct parser *p, char *value, struct err *e)
{
	return read_path("cwd", value, &p->service->cwd, e);
}

static int read_restart(struct parser *p, char *value, struct err *e)
{
	static const char *const words[] = {
		[RESTART_NO] = "no",
		[RESTART_ON_FAILURE] = "on-failure",
		[RESTART_ALWAYS] = "always",
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_eq(value, words[i])) {
			p->service->restart = (enum conf_restart)i;
			return 0;
		}
	}
	return err_set(e, ERR_PARSE, "restart '%s' is none of always, on-failure, no", value);
}

static int read_stop_ms(struct parser *p, char *value, struct err *e)
{
	return parse_uint(value, UINT64_C(600) * 1000, "stop-ms", &p->service->stop_ms, e);
}

/* "ADDRESS PORT"; names are not looked up, as that would need NSS and its files. */
static int health_tcp(struct conf_service *s, char *value, struct err *e)
{
	char *port_text = strchr(value, ' ');
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	uint64_t port;

	if (!port_text)
		return err_set(e, ERR_PARSE, "health tcp needs an address and a port");
	*port_text++ = '\0';
	if (parse_uint(port_text, UINT16_MAX, "port", &port, e) < 0)
		return -(int)e->code;
	if (port == 0)
		return err_set(e, ERR_PARSE, "port 0 cannot be probed");
	in4.sin_port = in6.sin6_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, value, &in4.sin_addr) == 1) {
		memcpy(&s->health, &in4, sizeof(in4));
		s->health_len = sizeof(in4);
	} else if (inet_pton(AF_INET6, value, &in6.sin6_addr) == 1) {
		memcpy(&s->health, &in6, sizeof(in6));
		s->health_len = sizeof(in6);
	} else {
		return err_set(e, ERR_PARSE, "'%s' is not a numeric address", value);
	}
	return 0;
}

static int health_unix(struct conf_service *s, char *value, struct err *e)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const char *path = NULL;

	if (read_path("health unix", value, &path, e) < 0)
		return -(int)e->code;
	if (strlen(path) >= sizeof(un.sun_path))
		return err_set(e, ERR_PARSE, "'%s' is too long for a socket", path);
	memcpy(un.sun_path, path, strlen(path));
	memcpy(&s->health, &un, sizeof(un));
	s->health_len = sizeof(un);
	return 0;
}

static int read_health(struct parser *p, char *value, struct err *e)
{
	if (str_starts(value, "tcp "))
		return health_tcp(p->service, value + strlen("tcp "), e);
	if (str_starts(value, "unix "))
		return health_unix(p->service, value + strlen("unix "), e);
	return err_set(e, ERR_PARSE, "health '%s' is neither tcp nor unix", value);
}

static int read_end(struct parser *p, char *value, struct err *e)
{
	struct arena *a = &p->conf->arena;
	struct conf_service *s = p->service;

	if (*value)
		return err_set(e, ERR_PARSE, "'%s' behind end", value);
	if (!p->n_argv || !*p->argv[0])
		return err_set(e, ERR_PARSE, "the service '%s' has no command", s->name);
	s->argv = arena_alloc(a, (p->n_argv + 1) * sizeof(*s->argv));
	memcpy(s->argv, p->argv, p->n_argv * sizeof(*s->argv));
	s->env = arena_alloc(a, (p->n_env + 1) * sizeof(*s->env));
	memcpy(s->env, p->env, p->n_env * sizeof(*s->env));
	s->groups = arena_alloc(a, p->n_groups * sizeof(*s->groups));
	memcpy(s->groups, p->groups, p->n_groups * sizeof(*s->groups));
	s->n_groups = p->n_groups;
	*p->end = s;
	p->end = &s->next;
	p->conf->n_services++;
	p->service = NULL;
	return 0;
}

static const struct directive directives[] = {
	{"log-dir", OUTSIDE, read_log_dir},
	{"log-max", OUTSIDE, read_log_max},
	{"status", OUTSIDE, read_status},
	{"service", OUTSIDE | MANY, read_service},
	{"arg", INSIDE | MANY, read_arg},
	{"env", INSIDE | MANY, read_env},
	{"uid", INSIDE, read_uid},
	{"gid", INSIDE, read_gid},
	{"group", INSIDE | MANY, read_group},
	{"keep-groups", INSIDE, read_keep_groups},
	{"cwd", INSIDE, read_cwd},
	{"restart", INSIDE, read_restart},
	{"health", INSIDE, read_health},
	{"stop-ms", INSIDE, read_stop_ms},
	{"end", INSIDE | MANY, read_end},
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo %XX in place. A text with a NUL in it could not be passed to a program. */
static int unescape(char *text, struct err *e)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high;
		int low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = hex_value(from[1]);
		low = high < 0 ? -1 : hex_value(from[2]);
		if (low < 0 || high * 16 + low == 0)
			return err_set(e, ERR_PARSE, "'%%' without two hexadecimal digits");
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return 0;
}

static int read_directive(struct parser *p, const char *name, char *value, struct err *e)
{
	unsigned int *seen = p->service ? &p->seen_inside : &p->seen_outside;

	for (size_t i = 0; i < COUNT(directives); i++) {
		const struct directive *d = &directives[i];
		unsigned int bit = 1U << i;

		if (!str_eq(name, d->name))
			continue;
		if (!(d->flags & (p->service ? INSIDE : OUTSIDE)))
			return err_set(e, ERR_PARSE,
				       p->service ? "'%s' inside a service"
						  : "'%s' outside a service",
				       name);
		if (*seen & bit && !(d->flags & MANY))
			return err_set(e, ERR_PARSE, "'%s' is there twice", name);
		*seen |= bit;
		return d->read(p, value, e);
	}
	return err_set(e, ERR_PARSE, "unknown directive '%.80s'", name);
}

/* FNV-1a: tells a changed service from an unchanged one; nobody attacks it. */
static uint64_t digest_add(uint64_t digest, const char *line)
{
	do
		digest = (digest ^ (unsigned char)*line) * 0x100000001b3ULL;
	while (*line++);
	return digest;
}

static int read_line(struct parser *p, char *line, struct err *e)
{
	char *name = line + strspn(line, " \t");
	char *value = name + strcspn(name, " ");
	uint64_t digest;

	if (!*name || *name == '#')
		return 0;
	digest = digest_add(p->service ? p->service->digest : 0xcbf29ce484222325ULL, name);
	if (*value)
		*value++ = '\0';
	if (unescape(value, e) < 0 || read_directive(p, name, value, e) < 0)
		return -(int)e->code;
	if (p->service)
		p->service->digest = digest;
	return 0;
}

static int read_lines(struct parser *p, char *text, struct err *e)
{
	unsigned int line = 0;
	char *next;

	for (; text; text = next) {
		line++;
		next = strchr(text, '\n');
		if (next)
			*next++ = '\0';
		if (read_line(p, text, e) < 0)
			return err_wrap(e, "line %u", line);
	}
	if (p->service)
		return err_set(e, ERR_PARSE, "line %u: the service '%s' has no end", line,
			       p->service->name);
	return 0;
}

/* A message quotes decoded values, and becomes a line of the status file and of the log. */
static void keep_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void conf_defaults(const char *path, struct conf *ret)
{
	struct arena a = {0};
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) : 1;

	if (!slash)
		path = ".";
	*ret = (struct conf){
		.log_dir = arena_fmt(&a, "%.*s/log", folder, path),
		.status = arena_fmt(&a, "%.*s/status", folder, path),
		.log_max = 1 << 20,
	};
	ret->arena = a;
}

int conf_parse(const char *path, const char *text, size_t len, struct conf *ret, struct err *e)
{
	struct conf c;
	struct parser p = {.conf = &c, .end = &c.services};

	if (len > CONF_SIZE_MAX)
		return err_set(e, ERR_PARSE, "more than %d bytes", CONF_SIZE_MAX);
	if (memchr(text, '\0', len))
		return err_set(e, ERR_PARSE, "a byte 0 in the text");
	conf_defaults(path, &c);
	if (read_lines(&p, arena_strn(&c.arena, text, len), e) < 0) {
		conf_fini(&c);
		keep_one_line(e->msg);
		return -(int)e->code;
	}
	*ret = c;
	return 0;
}

int conf_load(const char *path, struct conf *ret, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, path, CONF_SIZE_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	if (conf_parse(path, text, len, ret, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

const struct conf_service *conf_find(const struct conf *c, const char *name)
{
	for (const struct conf_service *s = c->services; s; s = s->next)
		if (str_eq(s->name, name))
			return s;
	return NULL;
}

void conf_fini(struct conf *c)
{
	arena_fini(&c->arena);
	*c = (struct conf){0};
}
