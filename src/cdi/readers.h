/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"

/*
 * The newest CDI version that every engine of this machine reads that reads CDI at all, or NULL
 * when there is no such engine. cache is a folder where the engines' versions are kept, because
 * asking one takes longer than everything else; or NULL. Static text.
 */
const char *cdi_readers_version(const char *cache);

/* The same for one engine ("podman", "docker", "containerd", "crio") and its version. */
const char *cdi_reader_version(const char *engine, const char *version);

/* The first release of an engine that reads a CDI version; NULL: none is known to. Static text. */
const char *cdi_reader_since(const char *engine, const char *cdi_version);
extern const char *const cdi_reader_engines[]; /* NULL-terminated */
