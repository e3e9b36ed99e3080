/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/doc.h"

/*
 * JSON as programs write it: ASCII, whole numbers, short maps. False for all else and for what is
 * wrong: then jansson reads the text, and says why. The tree is the same; what is in a meanwhile
 * is garbage.
 */
bool doc_plain(const char *text, size_t len, struct arena *a, struct doc_node **ret);
