/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt, dpkg, dnf, rpm and zypper say what went wrong in text only, in English under LC_ALL=C. A
 * failure prints several such lines (a wrong digest is also a failed download), so the rows are
 * ordered by how much they explain: the first one that matched any line wins.
 */
#include "pkg/trouble.h"

#include <string.h>

#include "base/i18n.h"
#include "base/str.h"

static const char space_hint[] = N_("free some space and run it again: it continues");
static const char busy_hint[] = N_("wait until it has ended, then run it again");
static const char clock_hint[] = N_("check this machine's clock (`date`), then run it again");
static const char certificate_hint[] =
	N_("check this machine's clock (`date`), and that ca-certificates is installed");
static const char key_hint[] = N_("the repository's key is not the one that this machine trusts: "
				  "correct or switch off that repository");
static const char digest_hint[] =
	N_("the mirror may be in the middle of an update: wait and run it again");
static const char again_hint[] = N_("check the network, then run it again: it continues");
static const char together_hint[] =
	N_("the log has the manager's own explanation; nothing was changed");
static const char log_hint[] = N_("the log has its messages");

static const char no_space[] = N_("the disk is full: %s");
static const char busy[] = N_("another package manager is at work: %s");
static const char bad_clock[] = N_("a repository's signature is not valid at this time: %s");
static const char bad_signature[] = N_("a repository's signature cannot be trusted: %s");
static const char bad_digest[] = N_("what was downloaded is not what the repository lists: %s");
static const char no_network[] = N_("a download failed: %s");
static const char absent[] = N_("there is no such package: %s");
static const char together[] = N_("the packages do not fit together: %s");
static const char no_right[] = N_("a privilege is missing: %s");
static const char bad_package[] = N_("a package failed to install: %s");

struct row {
	const char *text; /* in the line */
	enum err_code code;
	const char *msg; /* with %s: the line */
	const char *hint;
};

static const struct row rows[] = {
	{"No space left on device", ERR_NOSPC, no_space, space_hint},
	{"have enough free space in", ERR_NOSPC, no_space, space_hint},
	{"Disk quota exceeded", ERR_NOSPC, no_space, space_hint},
	{" more space needed on the ", ERR_NOSPC, no_space, space_hint},
	{"Not enough free space", ERR_NOSPC, no_space, space_hint},
	{"there is not enough space", ERR_NOSPC, no_space, space_hint},
	{"Could not get lock ", ERR_BUSY, busy, busy_hint},
	{"Unable to acquire the dpkg frontend lock", ERR_BUSY, busy, busy_hint},
	{"dpkg frontend lock was locked by", ERR_BUSY, busy, busy_hint},
	{"dpkg status database is locked", ERR_BUSY, busy, busy_hint},
	{"Unable to lock ", ERR_BUSY, busy, busy_hint},
	{"can't create transaction lock", ERR_BUSY, busy, busy_hint},
	{"Failed to obtain the transaction lock", ERR_BUSY, busy, busy_hint},
	{"Failed to obtain rpm transaction lock", ERR_BUSY, busy, busy_hint},
	{"Waiting for process with pid", ERR_BUSY, busy, busy_hint},
	{"System management is locked by", ERR_BUSY, busy, busy_hint},
	{"is not valid yet", ERR_VERIFY, bad_clock, clock_hint},
	{"is expired (invalid since", ERR_VERIFY, bad_clock, clock_hint},
	{"not live until", ERR_VERIFY, bad_clock, clock_hint},
	{"NO_PUBKEY", ERR_VERIFY, bad_signature, key_hint},
	{"Missing key", ERR_VERIFY, bad_signature, key_hint},
	{"BADSIG", ERR_VERIFY, bad_signature, key_hint},
	{"EXPKEYSIG", ERR_VERIFY, bad_signature, key_hint},
	{"At least one invalid signature", ERR_VERIFY, bad_signature, key_hint},
	{"couldn't be verified", ERR_VERIFY, bad_signature, key_hint},
	{"signature verification failed", ERR_VERIFY, bad_signature, key_hint},
	{"sqv returned an error", ERR_VERIFY, bad_signature, key_hint},
	{"isn't valid, got", ERR_VERIFY, bad_signature, key_hint},
	{"is not signed", ERR_VERIFY, bad_signature, key_hint},
	{"Public key for ", ERR_VERIFY, bad_signature, key_hint},
	{"OpenPGP check for package ", ERR_VERIFY, bad_signature, key_hint},
	{"Import of key(s) didn't help", ERR_VERIFY, bad_signature, key_hint},
	{"GPG check FAILED", ERR_VERIFY, bad_signature, key_hint},
	{"GPG signature verification error", ERR_VERIFY, bad_signature, key_hint},
	{"Bad PGP signature", ERR_VERIFY, bad_signature, key_hint},
	{"Bad GPG signature", ERR_VERIFY, bad_signature, key_hint},
	{"Signature verification failed", ERR_VERIFY, bad_signature, key_hint},
	{"Signature verification error", ERR_VERIFY, bad_signature, key_hint},
	{"Package header is not signed", ERR_VERIFY, bad_signature, key_hint},
	{"Hash Sum mismatch", ERR_VERIFY, bad_digest, digest_hint},
	{"File has unexpected size", ERR_VERIFY, bad_digest, digest_hint},
	{"checksum doesn't match", ERR_VERIFY, bad_digest, digest_hint},
	{"Digest verification failed", ERR_VERIFY, bad_digest, digest_hint},
	{"has wrong checksum", ERR_VERIFY, bad_digest, digest_hint},
	{"digest: BAD", ERR_VERIFY, bad_digest, digest_hint},
	{"Certificate verification failed", ERR_NET, no_network, certificate_hint},
	{"certificate is NOT trusted", ERR_NET, no_network, certificate_hint},
	{"certificate verify failed", ERR_NET, no_network, certificate_hint},
	{"SSL certificate problem", ERR_NET, no_network, certificate_hint},
	{"SSL peer certificate", ERR_NET, no_network, certificate_hint},
	{"Temporary failure resolving", ERR_NET, no_network, again_hint},
	{"Could not resolve", ERR_NET, no_network, again_hint},
	{"Could not connect to", ERR_NET, no_network, again_hint},
	{"Unable to connect to", ERR_NET, no_network, again_hint},
	{"Connection failed", ERR_NET, no_network, again_hint},
	{"Connection timed out", ERR_NET, no_network, again_hint},
	{"Curl error", ERR_NET, no_network, again_hint},
	{"Status code: ", ERR_NET, no_network, again_hint},
	{"does not have a Release file", ERR_NET, no_network, again_hint},
	{"Failed to fetch", ERR_NET, no_network, again_hint},
	{"Unable to fetch some archives", ERR_NET, no_network, again_hint},
	{"Failed to download metadata for repo", ERR_NET, no_network, again_hint},
	{"Failed to download packages", ERR_NET, no_network, again_hint},
	{"Error downloading packages", ERR_NET, no_network, again_hint},
	{"Download (curl) error", ERR_NET, no_network, again_hint},
	{"Failed to retrieve new repository metadata", ERR_NET, no_network, again_hint},
	{"Failed to provide Package", ERR_NET, no_network, again_hint},
	{"Repository type can't be determined", ERR_NET, no_network, again_hint},
	{"have not been refreshed because of an error", ERR_NET, no_network, again_hint},
	{"Unable to locate package", ERR_ABSENT, absent, NULL},
	{"has no installation candidate", ERR_ABSENT, absent, NULL},
	{"' was not found", ERR_ABSENT, absent, NULL},
	{"No match for argument", ERR_ABSENT, absent, NULL},
	{"Unable to find a match", ERR_ABSENT, absent, NULL},
	{"All matches were filtered out by", ERR_ABSENT, absent, NULL},
	{"missing groups or modules", ERR_ABSENT, absent, NULL},
	{"No provider of ", ERR_ABSENT, absent, NULL},
	{"No such command: versionlock", ERR_NOCMD, N_("dnf has no versionlock: %s"),
	 N_("install the package python3-dnf-plugin-versionlock")},
	{"need to be removed but remove is disabled", ERR_UNSAT,
	 N_("other packages would have to be removed: %s"),
	 N_("remove them yourself, or keep them; the log says which they are")},
	{"unmet dependencies", ERR_UNSAT, together, together_hint},
	{"have held broken packages", ERR_UNSAT, together, together_hint},
	{"Held packages were changed", ERR_UNSAT, together, together_hint},
	{"conflicting requests", ERR_UNSAT, together, together_hint},
	{"nothing provides ", ERR_UNSAT, together, together_hint},
	{"Problem: ", ERR_UNSAT, together, together_hint},
	{"are you root", ERR_PRIV, no_right, N_("run it with sudo")},
	{"superuser privileges", ERR_PRIV, no_right, N_("run it with sudo")},
	{"Root privileges are required", ERR_PRIV, no_right, N_("run it with sudo")},
	{"dpkg: error processing", ERR_FAIL, bad_package, log_hint},
	{"scriptlet failed", ERR_FAIL, bad_package, log_hint},
	{"Error in ", ERR_FAIL, bad_package, log_hint},
	{"E: ", ERR_FAIL, N_("%s"), log_hint},
	{"Error: ", ERR_FAIL, N_("%s"), log_hint},
	{"Transaction failed: ", ERR_FAIL, N_("%s"), log_hint},
};

static void keep(char *to, size_t size, const char *line)
{
	size_t n = strlen(line);

	n = n < size ? n : size - 1;
	memcpy(to, line, n);
	to[n] = '\0';
}

void pkg_trouble_line(struct pkg_trouble *t, const char *line)
{
	if (strspn(line, " \t") < strlen(line))
		keep(t->last, sizeof(t->last), line);
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t rank = COUNT(rows) - i;

		if (rank < t->rank)
			return;
		if (!strstr(line, rows[i].text))
			continue;
		/* Of the same trouble the longer line tells more: the file's name is in it. */
		if (rank == t->rank && strlen(line) <= strlen(t->line))
			return;
		t->rank = rank;
		keep(t->line, sizeof(t->line), line);
		return;
	}
}

static const struct row *row_of(const struct pkg_trouble *t)
{
	return t->rank ? &rows[COUNT(rows) - t->rank] : NULL;
}

enum err_code pkg_trouble_code(const struct pkg_trouble *t)
{
	const struct row *row = row_of(t);

	return row ? row->code : ERR_OK;
}

bool pkg_trouble_is_key(const struct pkg_trouble *t)
{
	const struct row *row = row_of(t);

	return row && row->msg == bad_signature;
}

static const char *without_prefix(const char *line)
{
	static const char *const prefixes[] = {
		" ", "\t", "E: ", "W: ", "Err:", "Error: ", ">>> ", "- "};

	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (str_starts(line, prefixes[i]))
			return without_prefix(line + strlen(prefixes[i]));
	return line;
}

int pkg_trouble_report(const struct pkg_trouble *t, const char *program, int status,
		       enum err_code by_status, struct err *e)
{
	const struct row *row = row_of(t);
	const char *words = without_prefix(t->line);

	if (row && *words && (by_status == ERR_FAIL || row->code != ERR_FAIL)) {
		(void)err_set(e, row->code, row->msg, words);
		return row->hint ? err_hint(e, "%s", tr(row->hint)) : -(int)e->code;
	}
	(void)err_set(e, by_status, "'%s' failed with status %d: %s", program, status,
		      without_prefix(t->last));
	return err_hint(e, "%s", tr(log_hint));
}
