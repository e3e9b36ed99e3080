/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/key.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "pkg/pkg_parts.h"

enum { KEY_MAX = 1 << 20, V4_LEN = 40, V6_LEN = 64 };

/* gpg's home for one question: nothing of the caller's rings is read or written. */
struct home {
	char path[40];
};

static int home_make(struct home *h, struct err *e)
{
	static const char template[] = "/tmp/dlenv-key-XXXXXX";

	memcpy(h->path, template, sizeof(template));
	if (!mkdtemp(h->path)) {
		h->path[0] = '\0';
		return err_sys(e, "cannot make a folder in '/tmp'");
	}
	return 0;
}

static void home_remove(struct home *h)
{
	struct err ignored = {0};

	if (h->path[0])
		(void)!tree_remove(AT_FDCWD, h->path, &ignored);
}

static int gpg(const struct home *h, const char *const *words, struct strs *ret, int *ret_status,
	       struct err *e)
{
	CLEANUP(strs_fini) struct strs argv = {0};

	strs_add_all(&argv, (const char *const[]){"gpg", "--homedir", h->path, "--no-options",
						  "--batch", "--no-tty", "--quiet", NULL});
	strs_add_all(&argv, words);
	if (pkg_ask((const char *const *)argv.v, ret, ret_status, e) == 0)
		return 0;
	if (e->code == ERR_NOCMD)
		(void)err_hint(e, "install the package gnupg (on Fedora and its kin gnupg2)");
	return -(int)e->code;
}

/* The n-th field of a line with colons. */
static const char *field(const char *line, int n)
{
	for (; line && n; n--) {
		line = strchr(line, ':');
		line += line != NULL;
	}
	return line;
}

static bool is_fingerprint(const char *text, size_t len)
{
	if (len != V4_LEN && len != V6_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* "pub:-:4096:1:...", then its "fpr:::::::::060A...:"; subkeys have theirs behind "sub:". */
void key_colons(const struct strs *lines, struct strs *ret)
{
	bool primary = false;

	for (size_t i = 0; i < lines->n; i++) {
		const char *value = field(lines->v[i], 9);
		size_t len = value ? strcspn(value, ":") : 0;

		if (!str_starts(lines->v[i], "fpr:")) {
			primary = str_starts(lines->v[i], "pub:") ||
				  (primary && !str_starts(lines->v[i], "sub:"));
			continue;
		}
		if (primary && is_fingerprint(value ? value : "", len)) {
			CLEANUP(freep) char *upper = str_fmt("%.*s", (int)len, value);

			for (char *p = upper; *p; p++)
				*p = (char)toupper((unsigned char)*p);
			if (!strs_has(ret, upper))
				strs_add(ret, upper);
		}
		primary = false;
	}
}

static int no_key(const char *path, const char *text, struct err *e)
{
	while (*text && isspace((unsigned char)*text))
		text++;
	if (*text == '<')
		(void)err_set(e, ERR_VERIFY, "'%s' is a web page, not an OpenPGP key", path);
	else
		(void)err_set(e, ERR_VERIFY, "'%s' is not an OpenPGP key", path);
	return err_hint(e, "the server answered with something else: try again later, or look at "
			   "the address with a browser");
}

int key_fingerprints(const char *path, struct strs *ret, struct err *e)
{
	CLEANUP(home_remove) struct home h = {0};
	CLEANUP(freep) char *text = NULL;
	CLEANUP(strs_fini) struct strs lines = {0};
	CLEANUP(strs_fini) struct strs found = {0};
	int status;

	if (file_read(AT_FDCWD, path, KEY_MAX, &text, NULL, e) < 0 || home_make(&h, e) < 0 ||
	    gpg(&h,
		(const char *const[]){"--with-colons", "--with-fingerprint", "--show-keys", path,
				      NULL},
		&lines, &status, e) < 0)
		return -(int)e->code;
	key_colons(&lines, &found);
	if (status || !found.n)
		return no_key(path, text, e);
	*ret = found;
	found = (struct strs){0};
	return 0;
}

static bool accepts(const struct key_pin *pin, const char *fingerprint)
{
	for (const char *const *p = pin->accepts; p && *p; p++)
		if (strcasecmp(*p, fingerprint) == 0)
			return true;
	return false;
}

bool key_id_is(const char *id, size_t n, const char *fingerprint)
{
	enum { SHORT_ID = 8 };
	size_t len = strlen(fingerprint);

	return n >= SHORT_ID && n <= len && !strncasecmp(fingerprint + len - n, id, n);
}

static bool ends_as(const char *fingerprint, const char *suffix)
{
	size_t n = strlen(suffix);
	size_t len = strlen(fingerprint);

	return len >= n && strcasecmp(fingerprint + len - n, suffix) == 0;
}

static int refuse(const struct key_pin *pin, const char *fingerprint, struct err *e)
{
	const char *expected = pin->pinned;

	if (!expected && (!pin->suffix || ends_as(fingerprint, pin->suffix))) {
		(void)err_set(e, ERR_ASK,
			      "nobody vouches for the key '%s' yet; its fingerprint is %s", pin->id,
			      fingerprint);
		return err_hint(e,
				"compare it with the one that the vendor publishes, then add "
				"--trust-key %s",
				fingerprint);
	}
	(void)err_set(e, ERR_VERIFY, "the key '%s' has the fingerprint %s, and %s is expected",
		      pin->id, fingerprint, expected ? expected : pin->suffix);
	return err_hint(e, "do not use it: the server or the way to it has been tampered with, or "
			   "the vendor has a new key (see `dlenv setup --help`)");
}

int key_check(const char *path, const struct key_pin *pin, struct err *e)
{
	CLEANUP(strs_fini) struct strs found = {0};

	if (key_fingerprints(path, &found, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < found.n; i++)
		if (!accepts(pin, found.v[i]))
			return refuse(pin, found.v[i], e);
	return 0;
}

int key_dearmor(const char *path, struct buf *ret, struct err *e)
{
	CLEANUP(home_remove) struct home h = {0};
	CLEANUP(freep) char *out = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(strs_fini) struct strs lines = {0};
	size_t len;
	int status;

	if (file_read(AT_FDCWD, path, KEY_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	/* The first letter of a packet has its highest bit set: this is no armor. */
	if (len && (unsigned char)text[0] & 0x80U) {
		buf_add(ret, text, len);
		return 0;
	}
	if (home_make(&h, e) < 0)
		return -(int)e->code;
	out = str_fmt("%s/key", h.path);
	if (gpg(&h, (const char *const[]){"--output", out, "--dearmor", path, NULL}, &lines,
		&status, e) < 0)
		return -(int)e->code;
	if (status)
		return no_key(path, text, e);
	freep(&text);
	if (file_read(AT_FDCWD, out, KEY_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	buf_add(ret, text, len);
	return 0;
}
