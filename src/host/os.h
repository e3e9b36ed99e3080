/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"

/* Which distribution: os-release(5), /etc's before /usr/lib's. "" for what is not there. */
struct os_release {
	char name[64];	   /* NAME: "Debian GNU/Linux" */
	char id[32];	   /* ID: "debian" */
	char version[32];  /* VERSION_ID: "12" */
	char like[64];	   /* ID_LIKE: "ubuntu debian" */
	char codename[32]; /* UBUNTU_CODENAME, else VERSION_CODENAME: "bookworm" */
};

void os_read(const struct root *r, struct os_release *ret);
