/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/container.h"

void container_init(struct container *c)
{
	*c = (struct container){0};
	c->mounts_end = &c->mounts;
	c->nodes_end = &c->nodes;
}

void container_fini(struct container *c)
{
	strs_fini(&c->more_env);
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

void container_mount(struct container *c, const char *type, const char *source, const char *at,
		     const char *options)
{
	struct mount *m = append(c, MOUNT_EXACT, at);

	m->type = arena_str(&c->arena, type);
	m->source = arena_str(&c->arena, source);
	m->options = arena_str(&c->arena, options);
}

void container_node(struct container *c, const struct node *n)
{
	struct node *mine = c->nodes;

	while (mine && !str_eq(mine->path, n->path))
		mine = mine->next;
	if (!mine) {
		mine = arena_alloc(&c->arena, sizeof(*mine));
		*c->nodes_end = mine;
		c->nodes_end = &mine->next;
	}
	*mine = (struct node){
		.path = arena_str(&c->arena, n->path),
		.host_path = arena_str(&c->arena, n->host_path),
		.type = n->type,
		.major = n->major,
		.minor = n->minor,
		.mode = n->mode,
		.uid = n->uid,
		.gid = n->gid,
		.next = mine->next,
	};
}

void container_group(struct container *c, uint32_t gid)
{
	uint32_t *groups = arena_alloc(&c->arena, (c->groups_n + 1) * sizeof(*groups));

	for (size_t i = 0; i < c->groups_n; i++) {
		if (c->groups[i] == gid)
			return;
		groups[i] = c->groups[i];
	}
	groups[c->groups_n++] = gid;
	c->groups = groups;
}

void container_limit(struct container *c, const char *name, uint64_t soft, uint64_t hard)
{
	struct limit *l = arena_alloc(&c->arena, sizeof(*l));

	*l = (struct limit){.name = name, .soft = soft, .hard = hard, .next = c->limits};
	c->limits = l;
}
