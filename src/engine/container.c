/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container.h"

void container_init(struct container *c)
{
	*c = (struct container){0};
	c->mounts_end = &c->mounts;
}

void container_fini(struct container *c)
{
	arena_fini(&c->arena);
	*c = (struct container){0};
}

static struct mount *append(struct container *c, enum mount_kind kind, const char *at)
{
	struct mount *m = arena_alloc(&c->arena, sizeof(*m));

	m->kind = kind;
	m->at = arena_str(&c->arena, at);
	*c->mounts_end = m;
	c->mounts_end = &m->next;
	return m;
}

void container_bind(struct container *c, const char *source, const char *at, bool read_only)
{
	struct mount *m = append(c, MOUNT_BIND, at);

	m->source = arena_str(&c->arena, source);
	m->read_only = read_only;
}

void container_tmpfs(struct container *c, const char *at, const char *options)
{
	append(c, MOUNT_TMPFS, at)->options = arena_str(&c->arena, options);
}

void container_limit(struct container *c, const char *name, uint64_t soft, uint64_t hard)
{
	struct limit *l = arena_alloc(&c->arena, sizeof(*l));

	*l = (struct limit){.name = name, .soft = soft, .hard = hard, .next = c->limits};
	c->limits = l;
}
