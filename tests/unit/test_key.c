/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of repositories, read by the real gpg. The keys are ours and sign nothing. */
#include "pkg/key.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "test.h"

/* Of each key the primary's fingerprint. The first has a subkey as well. */
#define ONE "FCDBC7FAB0A9727116A2277DC25AE776A157DB34"
#define TWO "0C04B12B46D6409E1E3CAB87F6D320C19EC119F0"

static const char key_one[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
			      "\n"
			      "mDMEawduIhYJKwYBBAHaRw8BAQdASoexAvWA37/78zNwTpfdsmLOBC+ZJwNiztbI\n"
			      "v4jOkxK0Fm9uZSA8b25lQHRlc3QuaW52YWxpZD6IkAQTFggAOBYhBPzbx/qwqXJx\n"
			      "FqInfcJa53ahV9s0BQJrB24iAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJ\n"
			      "EMJa53ahV9s0SJcA/RdVqNJxDtpChP9GCnOz7XHhNp2mIJRjfYRh4lU98kT5AQDC\n"
			      "75c/ynyt7r8PnlqRIpgmYWcRn8M2MmXMcdn/EUX1DLg4BGsHbiISCisGAQQBl1UB\n"
			      "BQEBB0DDfVl61jsuvNCiEYczJb4h38qhmAfm+lEyP3FNAhMZWQMBCAeIeAQYFggA\n"
			      "IBYhBPzbx/qwqXJxFqInfcJa53ahV9s0BQJrB24iAhsMAAoJEMJa53ahV9s087MB\n"
			      "AK2cTx/JwhCDicuBc54zNLeYZSiMxA78xALLYQ7zmru0AP40uwjg4VQb2ymCTat8\n"
			      "QJiIY4r1ySz+jmmGTmX09B/kCA==\n"
			      "=Rnff\n"
			      "-----END PGP PUBLIC KEY BLOCK-----\n";
static const char key_two[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
			      "\n"
			      "mDMEawduIhYJKwYBBAHaRw8BAQdAt5/sRhhyJXVm/nhEdCmQQOWD78RcyVdFwGQh\n"
			      "eFl4AB+0FnR3byA8dHdvQHRlc3QuaW52YWxpZD6IkAQTFggAOBYhBAwEsStG1kCe\n"
			      "Hjyrh/bTIMGewRnwBQJrB24iAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJ\n"
			      "EPbTIMGewRnwmdsA/0M7c2XsBO6eM/9XS5RwMdqTzXWxStSS3Aj2YQUfyIusAP9z\n"
			      "/qvs14Fj51tvCxfdl8wVMU/Ny+K8SY9GnD6p4xq/Cg==\n"
			      "=Ooib\n"
			      "-----END PGP PUBLIC KEY BLOCK-----\n";

/* A file with the text. The path is the caller's. */
static char *file_with(const void *text, size_t len)
{
	char path[] = "/tmp/dlenv-test-key-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0 && write_all(fd, text, len) == 0);
	(void)close(fd);
	return str_dup(path);
}

static void file_drop(char **path)
{
	if (*path)
		(void)unlink(*path);
	freep(path);
}

static bool has_gpg(void)
{
	CLEANUP(freep) char *path = proc_find("gpg");

	return path != NULL;
}

TEST(fingerprints_are_those_of_primary_keys)
{
	CLEANUP(freep) char *both = str_fmt("%s%s", key_one, key_two);
	CLEANUP(file_drop) char *path = file_with(both, strlen(both));
	CLEANUP(strs_fini) struct strs l = {0};
	struct err e = {0};

	SKIP_UNLESS(has_gpg(), "gpg", "gpg is not installed");
	if (key_fingerprints(path, &l, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0], ONE);
	assert_string_equal(l.v[1], TWO);
}

TEST(what_is_no_key_is_told)
{
	static const struct {
		const char *text;
		enum err_code code;
		const char *says;
	} rows[] = {
		{"<!DOCTYPE html><title>404</title>", ERR_VERIFY, "web page"},
		{"\n  <html>", ERR_VERIFY, "web page"},
		{"", ERR_VERIFY, "not an OpenPGP key"},
		{"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", ERR_VERIFY,
		 "not an OpenPGP key"},
		{"\x99\x01", ERR_VERIFY, "not an OpenPGP key"},
	};

	SKIP_UNLESS(has_gpg(), "gpg", "gpg is not installed");
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(file_drop) char *path = file_with(rows[i].text, strlen(rows[i].text));
		CLEANUP(strs_fini) struct strs l = {0};
		struct err e = {0};

		assert_int_equal(key_fingerprints(path, &l, &e), -(int)rows[i].code);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.msg, rows[i].says);
	}
}

TEST(a_key_is_compared_with_what_is_pinned)
{
	static const char *const one[] = {ONE, NULL};
	static const char other[] = "060A61C51B558A7F742B77AAC52FEB6B621E9F35";
	static const struct {
		struct key_pin pin;
		bool two; /* the file has a second key */
		enum err_code code;
	} rows[] = {
		{{.id = "x", .accepts = one, .pinned = ONE}, false, ERR_OK},
		{{.id = "x", .accepts = one, .pinned = ONE}, true, ERR_VERIFY},
		{{.id = "x", .accepts = NULL, .pinned = other}, false, ERR_VERIFY},
		{{.id = "x", .accepts = one, .pinned = other}, false, ERR_OK},
		{{.id = "x", .accepts = one}, true, ERR_ASK},
		{{.id = "x"}, false, ERR_ASK},
		{{.id = "x", .suffix = "A157DB34"}, false, ERR_ASK},
		{{.id = "x", .suffix = "621E9F35"}, false, ERR_VERIFY},
		{{.id = "x", .accepts = one, .suffix = "621E9F35"}, false, ERR_OK},
	};

	SKIP_UNLESS(has_gpg(), "gpg", "gpg is not installed");
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep)
		char *text = str_fmt("%s%s", key_one, rows[i].two ? key_two : "");
		CLEANUP(file_drop) char *path = file_with(text, strlen(text));
		struct err e = {0};
		int code = key_check(path, &rows[i].pin, &e);

		if (code != -(int)rows[i].code)
			fail_msg("row %zu: %s", i, e.msg);
		if (code && !strstr(e.msg, rows[i].two ? TWO : ONE))
			fail_msg("'%s' has no fingerprint", e.msg);
		if (rows[i].code == ERR_ASK && !strstr(e.hint, "--trust-key "))
			fail_msg("'%s' does not say how", e.hint);
	}
}

TEST(armor_goes_and_the_key_stays)
{
	CLEANUP(file_drop) char *path = file_with(key_one, sizeof(key_one) - 1);
	CLEANUP(file_drop) char *binary = NULL;
	CLEANUP(buf_fini) struct buf once = {0};
	CLEANUP(buf_fini) struct buf twice = {0};
	CLEANUP(strs_fini) struct strs l = {0};
	struct err e = {0};

	SKIP_UNLESS(has_gpg(), "gpg", "gpg is not installed");
	assert_int_equal(key_dearmor(path, &once, &e), 0);
	binary = file_with(once.data, once.len);
	assert_int_equal(key_fingerprints(binary, &l, &e), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0], ONE);
	assert_int_equal(key_dearmor(binary, &twice, &e), 0);
	assert_int_equal(once.len, twice.len);
	assert_memory_equal(once.data, twice.data, once.len);
}

RUN(IT(fingerprints_are_those_of_primary_keys), IT(what_is_no_key_is_told),
    IT(a_key_is_compared_with_what_is_pinned), IT(armor_goes_and_the_key_stays))
