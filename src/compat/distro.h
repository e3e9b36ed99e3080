/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/facts.h"

/* Distributions in the tables. */

/* How a machine calls its own, by os-release: "" or NULL for what it does not say. */
struct distro_name {
	const char *id;
	const char *version;
	const char *like; /* ID_LIKE */
	const char *codename;
};

/* Is the row what "ubuntu:24.04", "debian:trixie", "rhel:9.4" or "fedora" means? */
bool distro_is(const struct distro_fact *d, const char *text);

/*
 * The row that a distribution without one is taken to be like: of its own id or the first of
 * ID_LIKE that the tables know, with the same code name, else the version, else the newest that is
 * looked after. NULL: none.
 */
const struct distro_fact *distro_like(const struct facts *f, const struct distro_name *n);

/* As a pin takes it: "ubuntu:24.04", "debian:sid", "arch". The caller's. */
char *distro_pin(const struct distro_name *n) MUST_USE;

/* Its own row, else distro_like. */
const struct distro_fact *distro_find(const struct facts *f, const struct distro_name *n);

/* For qsort: what is still looked after first, then newer ones. */
int distro_compare(const struct distro_fact *a, const struct distro_fact *b);
