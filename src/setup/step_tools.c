/* SPDX-License-Identifier: Apache-2.0 */
/* What the plan's downloads and checks need of the machine, as far as it is missing. */
#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

/* A program or file, who brings it, and for which operations it is needed. */
struct tool {
	const char *managers;
	const char *package;
	const char *paths[3]; /* one of them is enough */
	bool fetch;	      /* for downloads; else for keys */
};

static const struct tool tools[] = {
	{"apt",
	 "ca-certificates",
	 {"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/ca-bundle.crt"},
	 true},
	{"apt", "gpg", {"/usr/bin/gpg"}, false},
	{"dnf4 dnf5",
	 "ca-certificates",
	 {"/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
	 true},
	{"dnf4 dnf5", "curl", {"/usr/bin/curl"}, true},
	{"dnf4 dnf5", "gnupg2", {"/usr/bin/gpg", "/usr/bin/gpg2"}, false},
	{"zypper",
	 "ca-certificates-mozilla",
	 {"/etc/ssl/ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem"},
	 true},
	{"zypper", "curl", {"/usr/bin/curl"}, true},
	{"zypper", "gpg2", {"/usr/bin/gpg", "/usr/bin/gpg2"}, false},
};

static bool is_there(const struct setup *s, const struct tool *t)
{
	if (setup_has(s, t->package))
		return true;
	for (size_t i = 0; i < COUNT(t->paths) && t->paths[i]; i++)
		if (root_has(s->root, t->paths[i]))
			return true;
	return false;
}

/* apt's own lists come through http; curl comes with it only where apt has no helper. */
int tools_plan(struct setup *s, struct plan *p, struct err *e)
{
	bool keys = false;
	bool fetch = false;
	const char *words[COUNT(tools) + 1] = {NULL};
	size_t n = 0;

	(void)e;
	for (size_t i = 0; i < p->n; i++) {
		keys = keys || p->ops[i].kind == &op_add_key;
		fetch = fetch || p->ops[i].url;
	}
	/* Of a recorded machine it is not known: the manager skips what is there. */
	for (size_t i = 0; i < COUNT(tools); i++)
		if ((tools[i].fetch ? fetch : keys) && step_manager_is(s, tools[i].managers) &&
		    s->live && !is_there(s, &tools[i]))
			words[n++] = tools[i].package;
	if (!n)
		return 0;
	step_refresh(p);
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, words),
				 .why = _("downloads are encrypted, and keys are compared before "
					  "anything uses them")});
	return 0;
}
