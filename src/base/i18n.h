/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

/*
 * Translation without locale data on disk: the catalogues of po/ are compiled
 * in, so that a static binary speaks them on any machine.
 */

/* Marks a message for the catalogue and translates it. */
#define _(text) tr(text)
/* Marks a message in a table; tr() translates it where it is used. */
#define N_(text) text

/* The text in the user's language; msgid itself when there is none. */
const char *tr(const char *msgid) FORMAT_ARG(1);

/*
 * Choose the language from a locale name such as zh_TW.UTF-8. NULL takes the
 * first of LC_ALL, LC_MESSAGES, LANG that is set. Call once, from main.
 */
void tr_select(const char *locale);
