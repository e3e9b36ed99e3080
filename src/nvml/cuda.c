/* SPDX-License-Identifier: Apache-2.0 */
#include "nvml/cuda.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "nvml/api.h"

#define LIBRARY "libcuda.so.1"

enum { WORDS = 1024, PATTERN = 0x5ca1ab1e };

/* Of cuda.h, after NVIDIA's published interface (docs.nvidia.com/cuda/cuda-driver-api). */
struct cuda {
	int (*init)(unsigned int);
	int (*version)(int *);
	int (*count)(int *);
	int (*device)(int *, int);
	int (*name)(char *, int, int);
	int (*retain)(void **, int);
	int (*release)(int);
	int (*current)(void *);
	int (*alloc)(uint64_t *, size_t);
	int (*fill)(uint64_t, unsigned int, size_t);
	int (*copy)(void *, uint64_t, size_t);
	int (*free)(uint64_t);
	int (*error)(int, const char **);
};

static const struct {
	const char *name;
	size_t at;
} rows[] = {
	{"cuInit", offsetof(struct cuda, init)},
	{"cuDriverGetVersion", offsetof(struct cuda, version)},
	{"cuDeviceGetCount", offsetof(struct cuda, count)},
	{"cuDeviceGet", offsetof(struct cuda, device)},
	{"cuDeviceGetName", offsetof(struct cuda, name)},
	{"cuDevicePrimaryCtxRetain", offsetof(struct cuda, retain)},
	{"cuDevicePrimaryCtxRelease", offsetof(struct cuda, release)},
	{"cuCtxSetCurrent", offsetof(struct cuda, current)},
	{"cuMemAlloc_v2", offsetof(struct cuda, alloc)},
	{"cuMemsetD32_v2", offsetof(struct cuda, fill)},
	{"cuMemcpyDtoH_v2", offsetof(struct cuda, copy)},
	{"cuMemFree_v2", offsetof(struct cuda, free)},
	{"cuGetErrorName", offsetof(struct cuda, error)},
};

static int failed(const struct cuda *c, const char *what, int code)
{
	const char *name = NULL;

	if (c->error(code, &name) != 0 || !name)
		name = "unknown";
	(void)printf("%s: %s (%d)\n", what, name, code);
	return 1;
}

static int load(struct cuda *c, const char *root)
{
	void *library = library_load(root, LIBRARY);

	if (!library) {
		(void)printf("%s cannot be loaded\n", LIBRARY);
		return 3;
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		void *symbol = dlsym(library, rows[i].name);

		if (!symbol) {
			(void)printf("%s lacks %s\n", LIBRARY, rows[i].name);
			return 3;
		}
		memcpy((char *)c + rows[i].at, &symbol, sizeof(symbol));
	}
	return 0;
}

static int compute(const struct cuda *c)
{
	static uint32_t back[WORDS];
	uint64_t at = 0;
	int code = c->alloc(&at, sizeof(back));

	if (code)
		return failed(c, "cuMemAlloc", code);
	code = c->fill(at, PATTERN, WORDS);
	if (code)
		return failed(c, "cuMemsetD32", code);
	code = c->copy(back, at, sizeof(back));
	if (code)
		return failed(c, "cuMemcpyDtoH", code);
	for (size_t i = 0; i < WORDS; i++)
		if (back[i] != PATTERN) {
			(void)printf("the GPU's memory does not hold what was written\n");
			return 1;
		}
	code = c->free(at);
	return code ? failed(c, "cuMemFree", code) : 0;
}

static int try_device(const struct cuda *c, int i, char *name, int room)
{
	void *context = NULL;
	int device = 0;
	int code = c->device(&device, i);

	if (!code)
		code = c->name(name, room, device);
	if (code)
		return failed(c, "cuDeviceGet", code);
	code = c->retain(&context, device);
	if (code)
		return failed(c, "cuDevicePrimaryCtxRetain", code);
	code = c->current(context);
	if (code)
		return failed(c, "cuCtxSetCurrent", code);
	code = compute(c);
	if (!code)
		(void)c->release(device);
	return code;
}

int cuda_try(const char *root)
{
	struct cuda c = {0};
	char first[100] = "";
	int version = 0;
	int n = 0;
	int code = load(&c, root);

	if (code)
		return code;
	code = c.init(0);
	if (code)
		return failed(&c, "cuInit", code);
	code = c.version(&version);
	if (!code)
		code = c.count(&n);
	if (code)
		return failed(&c, "cuDeviceGetCount", code);
	for (int i = 0; i < n; i++) {
		char name[100] = "";

		if (try_device(&c, i, name, sizeof(name)) != 0)
			return 1;
		if (!i)
			memcpy(first, name, sizeof(first));
	}
	if (!n) {
		(void)printf("CUDA sees no GPU\n");
		return 1;
	}
	(void)printf("CUDA %d.%d, GPUs: %d, %s\n", version / 1000, version % 1000 / 10, n, first);
	return 0;
}
