/* SPDX-License-Identifier: Apache-2.0 */
#include "nvml/api.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"

#define LIBRARY "libnvidia-ml.so.1"

/* The newest first: the first name that the library has is taken. */
static const struct row {
	size_t at;
	bool needed;
	const char *names[3];
} rows[] = {
#define ROW(member, ...)                                                                           \
	{                                                                                          \
		offsetof(struct nvml_api, member), false,                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define NEEDED(member, ...)                                                                        \
	{                                                                                          \
		offsetof(struct nvml_api, member), true,                                           \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
	NEEDED(init, "nvmlInit_v2", "nvmlInit"),
	NEEDED(shutdown, "nvmlShutdown"),
	NEEDED(error, "nvmlErrorString"),
	NEEDED(count, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
	NEEDED(handle, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
	ROW(driver, "nvmlSystemGetDriverVersion"),
	ROW(cuda, "nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"),
	ROW(uuid, "nvmlDeviceGetUUID"),
	ROW(name, "nvmlDeviceGetName"),
	ROW(pci, "nvmlDeviceGetPciInfo_v3"),
	ROW(capability, "nvmlDeviceGetCudaComputeCapability"),
	ROW(memory, "nvmlDeviceGetMemoryInfo"),
	ROW(memory2, "nvmlDeviceGetMemoryInfo_v2"),
	ROW(brand, "nvmlDeviceGetBrand"),
	ROW(minor, "nvmlDeviceGetMinorNumber"),
	ROW(mig_mode, "nvmlDeviceGetMigMode"),
	ROW(mig_count, "nvmlDeviceGetMaxMigDeviceCount"),
	ROW(mig, "nvmlDeviceGetMigDeviceHandleByIndex"),
	ROW(mig_gi, "nvmlDeviceGetGpuInstanceId"),
	ROW(mig_ci, "nvmlDeviceGetComputeInstanceId"),
	ROW(mig_attributes, "nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes"),
	ROW(rates, "nvmlDeviceGetUtilizationRates"),
	ROW(temperature, "nvmlDeviceGetTemperature"),
	ROW(power, "nvmlDeviceGetPowerUsage"),
	ROW(power_limit, "nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit"),
	ROW(throttle, "nvmlDeviceGetCurrentClocksEventReasons",
	    "nvmlDeviceGetCurrentClocksThrottleReasons"),
	ROW(pcie_width, "nvmlDeviceGetCurrPcieLinkWidth"),
	ROW(pcie_width_max, "nvmlDeviceGetMaxPcieLinkWidth"),
	ROW(pcie_gen, "nvmlDeviceGetCurrPcieLinkGeneration"),
	ROW(pcie_gen_max, "nvmlDeviceGetMaxPcieLinkGeneration"),
	ROW(ecc, "nvmlDeviceGetTotalEccErrors"),
	ROW(remapped, "nvmlDeviceGetRemappedRows"),
	ROW(retired_pending, "nvmlDeviceGetRetiredPagesPendingStatus"),
	ROW(persistence, "nvmlDeviceGetPersistenceMode"),
	ROW(compute, "nvmlDeviceGetComputeRunningProcesses_v3",
	    "nvmlDeviceGetComputeRunningProcesses_v2"),
	ROW(graphics, "nvmlDeviceGetGraphicsRunningProcesses_v3",
	    "nvmlDeviceGetGraphicsRunningProcesses_v2"),
	ROW(compute1, "nvmlDeviceGetComputeRunningProcesses"),
	ROW(graphics1, "nvmlDeviceGetGraphicsRunningProcesses"),
#undef ROW
#undef NEEDED
};

/* Where drivers put it, below a driver root that is not "/". */
static const char *const folders[] = {
	"usr/lib64",
	"usr/lib/x86_64-linux-gnu",
	"usr/lib/aarch64-linux-gnu",
	"usr/lib/x86_64-linux-gnu/nvidia/current",
	"usr/lib/aarch64-linux-gnu/nvidia/current",
	"usr/lib",
	"lib64",
	"lib/x86_64-linux-gnu",
	"lib/aarch64-linux-gnu",
	"lib",
	"usr/lib/wsl/lib",
	"run/opengl-driver/lib",
};

/* Links are followed inside the root: Debian's lead over /etc/alternatives. */
static void *load_below(int root, const char *path, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char full[PATH_MAX];
	void *library;
	int fd;

	(void)snprintf(full, sizeof(full), "%s/%s", path, name);
	fd = (int)syscall(SYS_openat2, root, full, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(root, full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	(void)snprintf(full, sizeof(full), "/proc/self/fd/%d", fd);
	library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
	(void)close(fd);
	return library;
}

void *library_load(const char *root, const char *name)
{
	/* Where the loader does not look: WSL and NixOS. */
	static const char *const elsewhere[] = {"/usr/lib/wsl/lib", "/run/opengl-driver/lib"};
	void *library = NULL;
	int fd;

	if (strcmp(root, "/") == 0) {
		library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
		for (size_t i = 0; !library && i < COUNT(elsewhere); i++) {
			char full[PATH_MAX];

			(void)snprintf(full, sizeof(full), "%s/%s", elsewhere[i], name);
			library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
		}
		return library;
	}
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && !library && i < COUNT(folders); i++)
		library = load_below(fd, folders[i], name);
	if (fd >= 0)
		(void)close(fd);
	return library;
}

bool api_load(struct nvml_api *ret, const char *root, const char **why)
{
	void *library = library_load(root, LIBRARY);

	*why = LIBRARY;
	if (!library)
		return false;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		void *symbol = NULL;

		for (size_t j = 0; !symbol && j < COUNT(r->names) && r->names[j]; j++)
			symbol = dlsym(library, r->names[j]);
		if (!symbol && r->needed) {
			*why = r->names[0];
			return false;
		}
		memcpy((char *)ret + r->at, &symbol, sizeof(symbol));
	}
	return true;
}
