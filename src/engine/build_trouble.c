/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt, dpkg and mmdebstrap say what went wrong in text only, in C locale
 * English. A failure prints several such lines (a bad digest is also a failed
 * download), so the rows are ordered by how much they explain: the first one
 * that matched any line wins.
 */
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "engine/build_parts.h"

static const char clock_hint[] =
	N_("check this machine's clock (`date`), then run the command again");
static const char key_hint[] =
	N_("install the package debian-archive-keyring, or correct `image.mirror` in dlenv.yaml");
static const char again_hint[] =
	N_("check the network and run the command again: it continues where it stopped");

struct row {
	const char *text; /* in the line */
	enum err_code code;
	const char *msg; /* with %s: the line */
	const char *hint;
};

static const char no_space[] = N_("the disk is full: %s");
static const char bad_clock[] = N_("the archive's signature is not valid at this time: %s");
static const char bad_signature[] = N_("the archive's signature cannot be trusted: %s");
static const char bad_digest[] = N_("what was downloaded is not what the archive lists: %s");
static const char unsolvable[] = N_("the packages cannot be installed together: %s");
static const char no_network[] = N_("a download failed: %s");
static const char bad_package[] = N_("a package failed to install: %s");

static const struct row rows[] = {
	{"No space left on device", ERR_NOSPC, no_space, N_("free some space and run it again")},
	{"have enough free space in", ERR_NOSPC, no_space, N_("free some space and run it again")},
	{"Disk quota exceeded", ERR_NOSPC, no_space, N_("free some space and run it again")},
	{"is not valid yet", ERR_VERIFY, bad_clock, clock_hint},
	{"is expired (invalid since", ERR_VERIFY, bad_clock, clock_hint},
	{"not live until", ERR_VERIFY, bad_clock, clock_hint},
	{"NO_PUBKEY", ERR_VERIFY, bad_signature, key_hint},
	{"Missing key", ERR_VERIFY, bad_signature, key_hint},
	{"At least one invalid signature", ERR_VERIFY, bad_signature, key_hint},
	{"BADSIG", ERR_VERIFY, bad_signature, key_hint},
	{"EXPKEYSIG", ERR_VERIFY, bad_signature, key_hint},
	{"couldn't be verified", ERR_VERIFY, bad_signature, key_hint},
	{"signature verification failed", ERR_VERIFY, bad_signature, key_hint},
	{"sqv returned an error", ERR_VERIFY, bad_signature, key_hint},
	{"isn't valid, got", ERR_VERIFY, bad_signature, key_hint},
	{"is not signed", ERR_VERIFY, bad_signature, key_hint},
	{"Hash Sum mismatch", ERR_VERIFY, bad_digest,
	 N_("the mirror may be in the middle of an update: wait and run the command again")},
	{"File has unexpected size", ERR_VERIFY, bad_digest,
	 N_("the mirror may be in the middle of an update: wait and run the command again")},
	{"have held broken packages", ERR_UNSAT, unsolvable,
	 N_("the full log says which; remove one of them from `packages.apt` in dlenv.yaml")},
	{"unmet dependencies", ERR_UNSAT, unsolvable,
	 N_("the full log says which; remove one of them from `packages.apt` in dlenv.yaml")},
	{"Certificate verification failed", ERR_NET, no_network, clock_hint},
	{"certificate is NOT trusted", ERR_NET, no_network, clock_hint},
	{"Temporary failure resolving", ERR_NET, no_network, again_hint},
	{"Could not resolve", ERR_NET, no_network, again_hint},
	{"Could not connect to", ERR_NET, no_network, again_hint},
	{"Unable to connect to", ERR_NET, no_network, again_hint},
	{"Connection failed", ERR_NET, no_network, again_hint},
	{"Connection timed out", ERR_NET, no_network, again_hint},
	{"does not have a Release file", ERR_NET, no_network, again_hint},
	{"Failed to fetch", ERR_NET, no_network, again_hint},
	{"Unable to fetch some archives", ERR_NET, no_network, again_hint},
	{"dpkg: error processing", ERR_FAIL, bad_package, N_("the full log has its messages")},
	{"E: ", ERR_FAIL, N_("%s"), N_("the full log has more")},
};

/* What stands in line between two texts, or behind the first when after is "". */
static char *between(const char *line, const char *before, const char *after)
{
	const char *at = strstr(line, before);
	const char *end;

	if (!at)
		return NULL;
	at += strlen(before);
	end = *after ? strstr(at, after) : at + strlen(at);
	return end && end > at ? str_fmt("%.*s", (int)(end - at), at) : NULL;
}

static void add_unknown(struct trouble *t, const char *name)
{
	if (name && !strs_has(&t->unknown, name))
		strs_add(&t->unknown, name);
}

static void unknown_line(struct trouble *t, const char *line)
{
	static const struct {
		const char *before;
		const char *after;
	} forms[] = {
		{"E: Unable to locate package ", ""},
		{"E: Package '", "' has no installation candidate"},
	};
	CLEANUP(freep) char *version = between(line, "E: Version '", "' for '");
	CLEANUP(freep) char *of = between(line, "' for '", "' was not found");

	for (size_t i = 0; i < COUNT(forms); i++) {
		CLEANUP(freep) char *name = between(line, forms[i].before, forms[i].after);

		add_unknown(t, name);
	}
	if (version && of) {
		CLEANUP(freep) char *both = str_fmt("%s=%s", of, version);

		add_unknown(t, both);
	}
}

void trouble_line(struct trouble *t, const char *line)
{
	unknown_line(t, line);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int rank = (int)(COUNT(rows) - i);

		if (rank <= t->rank)
			return;
		if (!strstr(line, rows[i].text))
			continue;
		t->rank = rank;
		(void)strncpy(t->line, line, sizeof(t->line) - 1);
		return;
	}
}

void trouble_fini(struct trouble *t)
{
	strs_fini(&t->unknown);
}

static const char *without_prefix(const char *line)
{
	while (*line == ' ' || str_starts(line, "E: ") || str_starts(line, "W: "))
		line += *line == ' ' ? 1 : 3;
	return line;
}

int trouble_report(const struct trouble *t, struct err *e)
{
	const struct row *row = t->rank ? &rows[COUNT(rows) - (size_t)t->rank] : NULL;

	if (t->unknown.n && (!row || row->code == ERR_FAIL)) {
		CLEANUP(buf_fini) struct buf names = {.max = 300};

		for (size_t i = 0; i < t->unknown.n; i++)
			buf_fmt(&names, "%s%s", i ? ", " : "", t->unknown.v[i]);
		return err_set(e, ERR_ABSENT, "there is no such package: %s", names.data);
	}
	if (!row)
		return -(int)e->code;
	(void)err_set(e, row->code, row->msg, without_prefix(t->line));
	return err_hint(e, "%s", tr(row->hint));
}
