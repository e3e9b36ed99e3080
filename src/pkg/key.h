/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/*
 * OpenPGP keys of repositories: fetched, parsed and compared before anything uses them. gpg does
 * the parsing, in a folder of its own that is removed afterwards.
 */

/* What a file has to be: fingerprints of the primary keys (40 or 64 hexadecimal digits). */
struct key_pin {
	const char *id; /* of data/keys.tsv: "docker-deb" */
	const char *const
		*accepts;   /* full fingerprints, NULL-terminated: what is pinned or trusted */
	const char *pinned; /* in full, or NULL: another one is an attack, not a question */
	const char *suffix; /* what else is known: the end of one, or NULL */
};

/*
 * The primary keys' fingerprints of a file, armored or not, upper case. ERR_VERIFY: it is no
 * OpenPGP key (an HTML page is named as such); ERR_NOCMD: there is no gpg.
 */
int key_fingerprints(const char *path, struct strs *ret, struct err *e) MUST_USE;

/*
 * Are all keys of the file among those that are accepted? ERR_VERIFY names both fingerprints.
 * ERR_ASK: none is pinned in full; the message has the fingerprint, the hint --trust-key.
 */
int key_check(const char *path, const struct key_pin *pin, struct err *e) MUST_USE;

/* Are these n digits a key's id: its fingerprint's end of eight digits or more, or all of it? */
bool key_id_is(const char *id, size_t n, const char *fingerprint);

/* The key as bytes without armor, for apt's /usr/share/keyrings. The buffer is the caller's. */
int key_dearmor(const char *path, struct buf *ret, struct err *e) MUST_USE;
