/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install-file: a package from an address of its own, as release packages of repositories are. rpm
 * has to find a good signature in it, made with the key that the operation names; an earlier
 * operation has given that key to rpm.
 */
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/i18n.h"
#include "net/net.h"
#include "setup/op_packages.h"
#include "setup/op_parts.h"
#include "setup/script.h"

enum { PACKAGE_MAX = 256 << 20, PACKAGE_MS = 15 * 60 * 1000 };

static int file_done(const struct op *o, struct executor *x)
{
	if (!x->packages_known)
		return -1;
	for (size_t i = 0; o->words[i]; i++)
		if (!op_has_package(x, o->words[i]))
			return 0;
	return 1;
}

static bool is_accepted(const char *id, size_t n, const struct key_pin *pin)
{
	for (size_t i = 0; pin->accepts && pin->accepts[i]; i++)
		if (key_id_is(id, n, pin->accepts[i]))
			return true;
	return false;
}

/*
 * A line for each: "    V4 RSA/SHA256 Signature, key ID d651ff2e: OK", with newer
 * releases "... signature, key fingerprint: e9a4...: OK". One without a signature has digests only.
 */
bool rpm_signed_by(const char *text, const struct key_pin *pin)
{
	static const char *const words[] = {"key ID ", "key fingerprint: "};
	bool found = false;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		CLEANUP(freep) char *line = str_fmt("%.*s", (int)strcspn(text, "\n"), text);
		const char *id = NULL;

		for (size_t i = 0; i < COUNT(words) && !id; i++) {
			id = strstr(line, words[i]);
			id = id ? id + strlen(words[i]) : NULL;
		}
		if (!id)
			continue;
		if (!str_ends(line, ": OK") ||
		    !is_accepted(id, strspn(id, "0123456789abcdefABCDEF"), pin))
			return false;
		found = true;
	}
	return found;
}

static int check(const struct op *o, struct executor *x, const char *file, struct err *e)
{
	const char *const argv[] = {"rpmkeys", "-Kv", file, NULL};
	CLEANUP(freep) char *text = NULL;
	struct err none = {0};
	struct key_pin pin;

	if (executor_pin(x, o->name, &pin, e) < 0)
		return -(int)e->code;
	if (executor_ask(x, argv, &text, &none) < 0 && none.code == ERR_NOCMD) {
		*e = none;
		return -(int)e->code;
	}
	if (text && rpm_signed_by(text, &pin))
		return 0;
	return err_set(e, ERR_VERIFY, "the package from %s is not signed with the key '%s'", o->url,
		       o->name);
}

static int file_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *file = str_fmt("%s/package.rpm", x->state);
	const struct net_get get = {.url = o->url,
				    .path = file,
				    .max = PACKAGE_MAX,
				    .timeout_ms = PACKAGE_MS,
				    .log_fd = x->log_fd};
	const char *const words[] = {file, NULL};
	int code;

	/* A .deb has no signature: only the lists that name it are signed. */
	if (!x->pkg || str_eq(pkg_name(x->pkg), "apt"))
		return err_set(e, ERR_UNSAT, "'%s' is nothing that could be checked here", o->url);
	if (net_fetch(&get, e) < 0)
		return err_wrap(e, "cannot fetch a package");
	code = check(o, x, file, e);
	if (code == 0 && package_do(x, PKG_INSTALL, words, e) < 0)
		code = err_wrap(e, "cannot install the package from %s", o->url);
	(void)unlink(file);
	return code;
}

static void file_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	CLEANUP(buf_fini) struct buf words = {0};

	(void)x;
	op_show_words(o->words, &words);
	buf_fmt(ret, _("install %s from %s (signed with the key %s)"), words.data, o->url, o->name);
}

static void file_script(const struct op *o, struct script *s)
{
	buf_str(&s->text, "install_file ");
	buf_shell(&s->text, o->url);
	for (size_t i = 0; o->words[i]; i++) {
		buf_str(&s->text, " ");
		buf_shell(&s->text, o->words[i]);
	}
	buf_str(&s->text, "\n");
}

const struct op_kind op_install_file = {
	.name = "install-file",
	.done = file_done,
	.before = packages_before,
	.apply = file_apply,
	.after = packages_after,
	.undo = packages_undo,
	.show = file_show,
	.script = file_script,
};
