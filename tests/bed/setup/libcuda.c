/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for libcuda.so.1 in the replica's driver packages: as many GPUs as the played kernel
 * has, memory that keeps what is written, and CUDA_ERROR_SYSTEM_DRIVER_MISMATCH where the loaded
 * module is of another version than the file's name.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_DEVICE = 100, MISMATCH = 803 };

int cuInit(unsigned int flags)
{
	static char text[4096];
	Dl_info self;
	char real[PATH_MAX];
	FILE *f = fopen("/proc/driver/nvidia/version", "r");

	(void)flags;
	if (!f)
		return NO_DEVICE;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	(void)fclose(f);
	if (!dladdr((void *)(uintptr_t)cuInit, &self) || !realpath(self.dli_fname, real))
		return NO_DEVICE;
	return strstr(text, strstr(real, ".so.") + 4) ? 0 : MISMATCH;
}

int cuDriverGetVersion(int *ret)
{
	*ret = 13000;
	return 0;
}

int cuDeviceGetCount(int *ret)
{
	*ret = 1;
	return 0;
}

int cuDeviceGet(int *ret, int i)
{
	*ret = i;
	return 0;
}

int cuDeviceGetName(char *ret, int room, int device)
{
	(void)device;
	(void)snprintf(ret, (size_t)room, "stand-in");
	return 0;
}

int cuDevicePrimaryCtxRetain(void **ret, int device)
{
	*ret = NULL;
	return device;
}

int cuDevicePrimaryCtxRelease_v2(int device)
{
	return device;
}

int cuDevicePrimaryCtxRelease(int device)
{
	return device;
}

int cuCtxSetCurrent(void *context)
{
	return context != NULL;
}

int cuMemAlloc_v2(uint64_t *ret, size_t n)
{
	*ret = (uintptr_t)malloc(n);
	return 0;
}

int cuMemsetD32_v2(uint64_t at, unsigned int value, size_t n)
{
	uint32_t *words = (uint32_t *)(uintptr_t)at;

	while (n)
		words[--n] = value;
	return 0;
}

int cuMemcpyDtoH_v2(void *to, uint64_t at, size_t n)
{
	memcpy(to, (const void *)(uintptr_t)at, n);
	return 0;
}

int cuMemFree_v2(uint64_t at)
{
	free((void *)(uintptr_t)at);
	return 0;
}

int cuGetErrorName(int code, const char **ret)
{
	*ret = code == MISMATCH	   ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
	       : code == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE"
				   : "CUDA_ERROR_UNKNOWN";
	return 0;
}
