/* SPDX-License-Identifier: Apache-2.0 */
/* What it means when curl or apt's helper fails: tables of their exit statuses and words. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/net_parts.h"

enum cause_flags {
	CAUSE_AGAIN = 1 << 0, /* another attempt may go better */
	CAUSE_CLOCK = 1 << 1, /* may be our clock's fault */
	CAUSE_CERTS = 1 << 2, /* may be for want of ca-certificates */
};

/* fmt has one %s, the address. The first row that fits counts: particular ones stand first. */
struct cause {
	int status;	  /* 0: any */
	const char *says; /* a part of the last line; NULL: any */
	enum err_code code;
	unsigned int flags; /* enum cause_flags */
	const char *fmt;
};

#define EXPIRED N_("the certificate of the server has expired: '%.300s'")
#define TOO_EARLY N_("the certificate of the server is not valid yet: '%.300s'")
#define OTHER_NAME N_("the server shows a certificate of another name: '%.300s'")
#define UNTRUSTED N_("nobody whom this machine trusts vouches for the server: '%.300s'")
#define WITHOUT_TLS N_("the server sends us on to an address without TLS: '%.300s'")
#define NO_CERTIFICATES N_("this machine has no certificates to check servers with: '%.300s'")
#define NO_HOST N_("there is no host of that name, or no name server: '%.300s'")
#define REFUSED N_("the server cannot be reached, or refuses: '%.300s'")
#define TIMED_OUT N_("the server did not answer in time: '%.300s'")
#define CUT N_("the connection was cut: '%.300s'")
#define NO_TLS N_("no TLS connection could be agreed on: '%.300s'")
#define CIRCLE N_("the server sends us round in a circle: '%.300s'")
#define NO_PROXY N_("the proxy cannot be reached: '%.300s'")

/* curl(1), EXIT CODES. The words are OpenSSL's or GnuTLS's, whichever curl is built with. */
static const struct cause of_curl[] = {
	{1, NULL, ERR_VERIFY, 0, WITHOUT_TLS},
	{5, NULL, ERR_NET, 0, NO_PROXY},
	{6, NULL, ERR_NET, CAUSE_AGAIN, NO_HOST},
	{7, NULL, ERR_NET, CAUSE_AGAIN, REFUSED},
	{16, NULL, ERR_NET, CAUSE_AGAIN, CUT},
	{18, NULL, ERR_NET, CAUSE_AGAIN, CUT},
	{28, NULL, ERR_NET, CAUSE_AGAIN, TIMED_OUT},
	{35, NULL, ERR_NET, CAUSE_AGAIN, NO_TLS},
	{47, NULL, ERR_NET, 0, CIRCLE},
	{52, NULL, ERR_NET, CAUSE_AGAIN, CUT},
	{55, NULL, ERR_NET, CAUSE_AGAIN, CUT},
	{56, NULL, ERR_NET, CAUSE_AGAIN, CUT},
	{60, "expired", ERR_VERIFY, CAUSE_CLOCK, EXPIRED},
	{60, "not yet valid", ERR_VERIFY, CAUSE_CLOCK, TOO_EARLY},
	{60, "not activated", ERR_VERIFY, CAUSE_CLOCK, TOO_EARLY},
	{60, "subject name", ERR_VERIFY, 0, OTHER_NAME},
	{60, "host name", ERR_VERIFY, 0, OTHER_NAME},
	{60, NULL, ERR_VERIFY, CAUSE_CERTS, UNTRUSTED},
	{77, NULL, ERR_VERIFY, CAUSE_CERTS, NO_CERTIFICATES},
	{92, NULL, ERR_NET, CAUSE_AGAIN, CUT},
	{97, NULL, ERR_NET, 0, NO_PROXY},
};

/* apt's methods fail with one status, and say why. */
static const struct cause of_apt[] = {
	{0, "expired certificate", ERR_VERIFY, CAUSE_CLOCK, EXPIRED},
	{0, "not yet valid certificate", ERR_VERIFY, CAUSE_CLOCK, TOO_EARLY},
	{0, "certificate has expired", ERR_VERIFY, CAUSE_CLOCK, EXPIRED},
	{0, "certificate is not yet valid", ERR_VERIFY, CAUSE_CLOCK, TOO_EARLY},
	{0, "does not match the", ERR_VERIFY, 0, OTHER_NAME},
	{0, "hostname mismatch", ERR_VERIFY, 0, OTHER_NAME},
	{0, "No system certificates available", ERR_VERIFY, CAUSE_CERTS, NO_CERTIFICATES},
	{0, "certificate", ERR_VERIFY, CAUSE_CERTS, UNTRUSTED},
	{0, "is forbidden", ERR_VERIFY, 0, WITHOUT_TLS},
	{0, "Could not resolve", ERR_NET, CAUSE_AGAIN, NO_HOST},
	{0, "Temporary failure resolving", ERR_NET, CAUSE_AGAIN, NO_HOST},
	{0, "Something wicked happened resolving", ERR_NET, CAUSE_AGAIN, NO_HOST},
	{0, "timed out", ERR_NET, CAUSE_AGAIN, TIMED_OUT},
	{0, "Could not connect", ERR_NET, CAUSE_AGAIN, REFUSED},
	{0, "Unable to connect", ERR_NET, CAUSE_AGAIN, REFUSED},
	{0, "Could not handshake", ERR_NET, CAUSE_AGAIN, NO_TLS},
	{0, "Redirection loop", ERR_NET, 0, CIRCLE},
	{0, "closed the connection", ERR_NET, CAUSE_AGAIN, CUT},
	{0, "Connection failed", ERR_NET, CAUSE_AGAIN, CUT},
	{0, "reading from server", ERR_NET, CAUSE_AGAIN, CUT},
	{0, "Undetermined Error", ERR_NET, CAUSE_AGAIN, CUT},
};

static const struct {
	const struct cause *v;
	size_t n;
	int too_large; /* the exit status that says so; 0: there is none */
} causes[NET_PROGRAMS] = {
	[NET_CURL] = {of_curl, COUNT(of_curl), 63},
	[NET_APT] = {of_apt, COUNT(of_apt), 0},
};

static int say(const struct net_get *g, const struct cause *c, bool *ret_again, struct err *e)
{
	char now[32] = "";
	time_t t = time(NULL);
	struct tm tm;

	*ret_again = c->flags & CAUSE_AGAIN;
	(void)err_set(e, c->code, c->fmt, g->url);
	if (c->flags & CAUSE_CERTS)
		return err_hint(e, "the package ca-certificates has those that everybody trusts");
	if (!(c->flags & CAUSE_CLOCK))
		return -(int)e->code;
	if (gmtime_r(&t, &tm))
		(void)strftime(now, sizeof(now), "%Y-%m-%d %H:%M", &tm);
	return err_hint(e,
			"this machine's clock says %s UTC; if that is wrong: "
			"timedatectl set-ntp true",
			now);
}

/* apt repeats the server's line: "404  Not Found [IP: ...]" stands behind the address. */
static int status_in(const char *said)
{
	const char *p = strstr(said, "https://");
	int status = 0;

	p = p ? strchr(p, ' ') : NULL;
	p = p ? p + strspn(p, " ") : NULL;
	if (!p || strspn(p, "0123456789") != 3 || p[3] != ' ' || p[0] < '4' || p[0] > '5')
		return 0;
	for (int i = 0; i < 3; i++)
		status = status * 10 + p[i] - '0';
	return status;
}

static int say_http(const struct net_get *g, int http, bool *ret_again, struct err *e)
{
	*ret_again = http >= 500 || http == 408 || http == 429;
	if (http == 404 || http == 410)
		return err_set(e, ERR_NET, "the server does not have it (HTTP status %d): '%.300s'",
			       http, g->url);
	if (http == 407) {
		(void)err_set(e, ERR_NET, "the proxy wants a password (HTTP status %d): '%.300s'",
			      http, g->url);
		return err_hint(e, "https_proxy takes http://NAME:PASSWORD@HOST:PORT");
	}
	return err_set(e, ERR_NET, "the server answers with HTTP status %d: '%.300s'", http,
		       g->url);
}

static bool disk_is_full(const char *path)
{
	enum { ENOUGH = 64 << 10 };
	CLEANUP(freep) char *folder = str_dup(path);
	char *slash = strrchr(folder, '/');
	struct statvfs s;

	if (slash)
		slash[slash == folder] = '\0';
	return statvfs(slash ? folder : ".", &s) == 0 &&
	       (s.f_bavail * s.f_frsize < ENOUGH || (s.f_files && !s.f_favail));
}

int net_judge(const struct net_get *g, const struct net_end *end, bool *ret_again, struct err *e)
{
	int http = end->http ? end->http : status_in(end->said);

	*ret_again = false;
	if (end->status == 128 + SIGXFSZ || strstr(end->said, "File too large") ||
	    (causes[end->program].too_large && end->status == causes[end->program].too_large))
		return err_set(e, ERR_VERIFY, "the server sends more than %zu bytes: '%.300s'",
			       g->max, g->url);
	if (disk_is_full(g->path) || strstr(end->said, "No space left"))
		return err_set(e, ERR_NOSPC, "no space is left to write '%s'", g->path);
	if (http >= 400)
		return say_http(g, http, ret_again, e);
	for (size_t i = 0; i < causes[end->program].n; i++) {
		const struct cause *c = &causes[end->program].v[i];

		if ((!c->status || c->status == end->status) &&
		    (!c->says || strstr(end->said, c->says)))
			return say(g, c, ret_again, e);
	}
	return err_set(e, ERR_NET, "cannot fetch '%.200s': %.200s (status %d)", g->url, end->said,
		       end->status);
}
