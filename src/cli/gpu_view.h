/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "cli/command.h"
#include "host/nvidia.h"
#include "host/nvml.h"

/* What `gpu ls` and `top` show: GPUs and who uses them, from the kernel and from NVML. */

struct gpu_line {	   /* a GPU, or a MIG device of the one before */
	const char *index; /* "0", "0:1"; "-": excluded */
	const char *product;
	const char *uuid;
	const char *pci;
	int64_t memory; /* bytes; numbers below 0 are not known */
	int64_t memory_used;
	int64_t percent;
	int64_t temperature;
	int64_t watts;
	int64_t processes;
};

struct gpu_process {
	const char *gpu; /* index */
	int64_t pid;
	const char *environment; /* or "docker:ID" ...; NULL: none that we know */
	const char *user;	 /* NULL: unknown */
	const char *command;
	int64_t memory;
	const char *kind; /* "compute" or "graphics" */
};

struct gpu_view {
	struct arena arena;
	struct nvidia nvidia;
	struct nvml nvml;
	bool has_nvml;
	struct err why; /* without NVML: why */
	struct gpu_line *lines;
	size_t lines_n;
	struct gpu_process *processes;
	size_t processes_n;
};

/* No NVML is no failure: what it would tell is not known then. */
int gpu_view_read(struct cli *c, struct gpu_view *ret, struct err *e) MUST_USE;
void gpu_view_fini(struct gpu_view *v);

/* Say on standard error what is missing and why; nothing when all is known. */
void gpu_view_warn(struct cli *c, const struct gpu_view *v);

/* Both tables, or the JSON object. */
void gpu_view_print(struct cli *c, const struct gpu_view *v);
json_t *gpu_view_json(const struct gpu_view *v) MUST_USE;

/* Fill in whose each process is, by its PID namespace, its parents and its cgroup. */
void gpu_view_owners(struct cli *c, const struct root *machine, struct gpu_view *v);

/*
 * The container that a cgroup belongs to, as "ENGINE:ID" with the first 12 letters of its id, or
 * NULL. text is /proc/PID/cgroup. The text is the caller's.
 */
char *gpu_cgroup_owner(const char *text) MUST_USE;
