/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/digest.h"
#include "oci/store.h"
#include "runtime/idmap.h"

/*
 * A thin layer that makes an image the caller's: the account (same name, uid,
 * gid, home path as on the host), sudo without a password, tmux's settings.
 * Content-addressed like every layer, so all environments and throw-away
 * containers of a user share one for each image.
 */
struct user_layer {
	const struct store *store;
	const struct user *user;
	const struct idmap *map;
	const struct image *image;
};

/*
 * Layer folders for a container, bottom first, the user's on top: the caller
 * frees the list. It is made unless it is there; *ret_own is the caller's, too.
 */
int user_layer_stack(const struct user_layer *l, struct strs *ret, struct layer *ret_own,
		     struct err *e) MUST_USE;
