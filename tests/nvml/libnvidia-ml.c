/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for NVIDIA's libnvidia-ml.so.1, so that tests have GPUs, MIG, brands and faults. It is
 * told what to say by a text: the file that NVML_STANDIN names, else `nvml-standin` in the folder
 * where the library itself lies. One fact a line; `#` begins a comment:
 *
 *   driver 550.163.01
 *   cuda 12040
 *   fail FUNCTION CODE     this function returns that code ("fail nvmlInit_v2 18")
 *   hang FUNCTION          this one never returns
 *   gpu UUID PCI MINOR     what follows is about this GPU: "gpu GPU-1 0000:01:00.0 0"
 *     name TEXT            brand N           cc 8 0          memory TOTAL USED
 *     percent GPU MEMORY   temperature C     power MW LIMIT  throttle BITS
 *     pcie WIDTH MAX GEN MAX                 ecc CORRECTED UNCORRECTED
 *     remapped CORRECTED UNCORRECTED PENDING FAILED
 *     retired N            persistence 0|1   process PID BYTES|- compute|graphics [GI CI]
 *     lost                 its handle cannot be had
 *     mig GI CI UUID MIB PROFILE
 *
 * What a GPU is not given it does not support (code 3).
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After NVIDIA's published interface, apart from what src/nvml declares: so they check each other.
 */
struct pci_info { /* nvmlPciInfo_t */
	char legacy[16];
	unsigned int domain;
	unsigned int bus;
	unsigned int device;
	unsigned int pci_device_id;
	unsigned int pci_subsystem_id;
	char bus_id[32];
};

struct memory { /* nvmlMemory_t */
	unsigned long long total;
	unsigned long long free;
	unsigned long long used;
};

struct memory_v2 { /* nvmlMemory_v2_t */
	unsigned int version;
	unsigned long long total;
	unsigned long long reserved;
	unsigned long long free;
	unsigned long long used;
};

struct utilization { /* nvmlUtilization_t */
	unsigned int gpu;
	unsigned int memory;
};

struct attributes { /* nvmlDeviceAttributes_t */
	unsigned int counts[6];
	unsigned int gpu_instance_slices;
	unsigned int compute_instance_slices;
	unsigned long long memory_mb;
};

struct process_info { /* nvmlProcessInfo_v2_t */
	unsigned int pid;
	unsigned long long used_memory;
	unsigned int gpu_instance;
	unsigned int compute_instance;
};

enum { GPUS = 32, MIGS = 8, PROCESSES = 16, FAULTS = 16, WORDS = 8 };
enum {
	SUCCESS = 0,
	UNINITIALIZED = 1,
	INVALID = 2,
	UNSUPPORTED = 3,
	NOT_FOUND = 6,
	TOO_SMALL = 7,
	LOST = 15,
	MISMATCH = 18,
	ABSENT = -1
};

struct gpu {
	bool is_mig;
	bool lost;
	char uuid[96];
	char name[96];
	unsigned int domain, bus, slot;
	long long minor, brand, cc_major, cc_minor, total, used, gpu_percent, memory_percent;
	long long temperature, power, power_limit, throttle, width, width_max, gen, gen_max;
	long long corrected, uncorrected, retired, persistence;
	long long rows_corrected, rows_uncorrected, rows_pending, rows_failed;
	long long gi, ci, mib;
	struct gpu *migs[MIGS];
	unsigned int migs_n;
	struct process_info processes[PROCESSES];
	bool graphics[PROCESSES];
	unsigned int processes_n;
};

static struct gpu gpus[GPUS];
static unsigned int gpus_n;
static char driver[80];
static int cuda;
static struct {
	char function[64];
	int code;
} faults[FAULTS];
static unsigned int faults_n;
static bool is_open;

enum { HANG = -2 };

static int fault(const char *function)
{
	for (unsigned int i = 0; i < faults_n; i++) {
		if (strcmp(faults[i].function, function) != 0)
			continue;
		while (faults[i].code == HANG)
			(void)pause();
		return faults[i].code;
	}
	return is_open ? SUCCESS : UNINITIALIZED;
}

/* For the functions below: their faults come first. */
#define CHECK()                                                                                    \
	do {                                                                                       \
		int code_ = fault(__func__);                                                       \
		if (code_ != SUCCESS)                                                              \
			return code_;                                                              \
	} while (0)

static struct gpu *gpu_new(char **w)
{
	struct gpu *g = &gpus[gpus_n++];

	memset(g, 0xff, sizeof(*g)); /* every number: unknown */
	g->is_mig = g->lost = false;
	g->migs_n = g->processes_n = 0;
	g->name[0] = '\0';
	(void)snprintf(g->uuid, sizeof(g->uuid), "%s", w[1]);
	(void)sscanf(w[2], "%x:%x:%x", &g->domain, &g->bus, &g->slot);
	g->minor = atoll(w[3]);
	return g;
}

static void mig_new(struct gpu *g, char **w)
{
	struct gpu *m = calloc(1, sizeof(*m));

	m->is_mig = true;
	m->gi = atoll(w[1]);
	m->ci = atoll(w[2]);
	m->mib = atoll(w[4]);
	m->total = m->mib << 20;
	(void)snprintf(m->uuid, sizeof(m->uuid), "%s", w[3]);
	(void)snprintf(m->name, sizeof(m->name), "%.60s MIG %.20s", g->name, w[5]);
	g->migs[g->migs_n++] = m;
}

static void process_new(struct gpu *g, char **w)
{
	struct process_info *p = &g->processes[g->processes_n];

	p->pid = (unsigned int)atoll(w[1]);
	p->used_memory = w[2][0] == '-' ? ULLONG_MAX : (unsigned long long)atoll(w[2]);
	p->gpu_instance = w[4][0] ? (unsigned int)atoi(w[4]) : UINT_MAX;
	p->compute_instance = w[5][0] ? (unsigned int)atoi(w[5]) : UINT_MAX;
	g->graphics[g->processes_n++] = w[3][0] == 'g';
}

/* Words that are numbers of a GPU. */
static const struct {
	const char *word;
	size_t at[4];
	int n;
} numbers[] = {
#define AT(m) offsetof(struct gpu, m)
	{"brand", {AT(brand)}, 1},
	{"cc", {AT(cc_major), AT(cc_minor)}, 2},
	{"memory", {AT(total), AT(used)}, 2},
	{"percent", {AT(gpu_percent), AT(memory_percent)}, 2},
	{"temperature", {AT(temperature)}, 1},
	{"power", {AT(power), AT(power_limit)}, 2},
	{"throttle", {AT(throttle)}, 1},
	{"pcie", {AT(width), AT(width_max), AT(gen), AT(gen_max)}, 4},
	{"ecc", {AT(corrected), AT(uncorrected)}, 2},
	{"retired", {AT(retired)}, 1},
	{"remapped",
	 {AT(rows_corrected), AT(rows_uncorrected), AT(rows_pending), AT(rows_failed)},
	 4},
	{"persistence", {AT(persistence)}, 1},
#undef AT
};

static void fact(char **w, const char *rest)
{
	struct gpu *g = gpus_n ? &gpus[gpus_n - 1] : NULL;

	if (strcmp(w[0], "driver") == 0)
		(void)snprintf(driver, sizeof(driver), "%s", w[1]);
	else if (strcmp(w[0], "cuda") == 0)
		cuda = atoi(w[1]);
	else if (strcmp(w[0], "gpu") == 0 && gpus_n < GPUS)
		(void)gpu_new(w);
	else if ((strcmp(w[0], "fail") == 0 || strcmp(w[0], "hang") == 0) && faults_n < FAULTS) {
		(void)snprintf(faults[faults_n].function, 64, "%s", w[1]);
		faults[faults_n++].code = w[0][0] == 'h' ? HANG : atoi(w[2]);
	} else if (g && strcmp(w[0], "name") == 0)
		(void)snprintf(g->name, sizeof(g->name), "%s", rest);
	else if (g && strcmp(w[0], "lost") == 0)
		g->lost = true;
	else if (g && strcmp(w[0], "mig") == 0 && g->migs_n < MIGS)
		mig_new(g, w);
	else if (g && strcmp(w[0], "process") == 0 && g->processes_n < PROCESSES)
		process_new(g, w);
	for (size_t i = 0; g && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (int j = 0; strcmp(w[0], numbers[i].word) == 0 && j < numbers[i].n; j++) {
			long long value = strtoll(w[1 + j], NULL, 0);

			memcpy((char *)g + numbers[i].at[j], &value, sizeof(value));
		}
}

static void read_line(char *line)
{
	char empty[] = "";
	char *w[WORDS] = {empty, empty, empty, empty, empty, empty, empty, empty};
	char rest[256];
	char *save = NULL;
	int n = 0;

	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t");
	(void)snprintf(rest, sizeof(rest), "%s", line + strcspn(line, " "));
	for (char *p = strtok_r(line, " \t", &save); p && n < WORDS;
	     p = strtok_r(NULL, " \t", &save))
		w[n++] = p;
	fact(w, rest + strspn(rest, " "));
}

static void read_description(void)
{
	const char *told = getenv("NVML_STANDIN");
	char path[PATH_MAX] = "";
	char line[512];
	Dl_info self;
	FILE *f;

	if (told)
		(void)snprintf(path, sizeof(path), "%s", told);
	else if (dladdr((void *)read_description, &self) && realpath(self.dli_fname, path))
		(void)snprintf(strrchr(path, '/') + 1, 32, "nvml-standin");
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		read_line(line);
	if (f)
		(void)fclose(f);
}

/* dlenv-nvml closes its descriptor after loading: the library is read while it is open. */
__attribute__((constructor)) static void loaded(void)
{
	read_description();
}

#define EXPORT __attribute__((visibility("default")))

static int give(long long value, unsigned int *ret)
{
	if (value < 0)
		return UNSUPPORTED;
	*ret = (unsigned int)value;
	return SUCCESS;
}

/* A function of a GPU that gives one number. */
#define NUMBER(function, member)                                                                   \
	EXPORT int function(struct gpu *d, unsigned int *ret);                                     \
	int function(struct gpu *d, unsigned int *ret)                                             \
	{                                                                                          \
		CHECK();                                                                           \
		return give(d->member, ret);                                                       \
	}

NUMBER(nvmlDeviceGetBrand, brand)
NUMBER(nvmlDeviceGetMinorNumber, minor)
NUMBER(nvmlDeviceGetPowerUsage, power)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, power_limit)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, width)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, width_max)
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, gen)
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, gen_max)
NUMBER(nvmlDeviceGetPersistenceMode, persistence)
NUMBER(nvmlDeviceGetRetiredPagesPendingStatus, retired)
NUMBER(nvmlDeviceGetGpuInstanceId, gi)
NUMBER(nvmlDeviceGetComputeInstanceId, ci)

EXPORT int nvmlInit_v2(void);
int nvmlInit_v2(void)
{
	is_open = true;
	CHECK();
	return SUCCESS;
}

EXPORT int nvmlShutdown(void);
int nvmlShutdown(void)
{
	CHECK();
	is_open = false;
	return SUCCESS;
}

EXPORT const char *nvmlErrorString(int code);
const char *nvmlErrorString(int code)
{
	switch (code) {
	case LOST:
		return "GPU is lost";
	case MISMATCH:
		return "Driver/library version mismatch";
	case 9:
		return "Driver Not Loaded";
	default:
		return "Unknown Error";
	}
}

EXPORT int nvmlSystemGetDriverVersion(char *ret, unsigned int size);
int nvmlSystemGetDriverVersion(char *ret, unsigned int size)
{
	CHECK();
	(void)snprintf(ret, size, "%s", driver);
	return SUCCESS;
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *ret);
int nvmlSystemGetCudaDriverVersion_v2(int *ret)
{
	CHECK();
	*ret = cuda;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetCount_v2(unsigned int *ret);
int nvmlDeviceGetCount_v2(unsigned int *ret)
{
	CHECK();
	*ret = gpus_n;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct gpu **ret);
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, struct gpu **ret)
{
	CHECK();
	if (index >= gpus_n)
		return INVALID;
	if (gpus[index].lost)
		return LOST;
	*ret = &gpus[index];
	return SUCCESS;
}

static int give_text(const char *text, char *ret, unsigned int size)
{
	if (strlen(text) >= size)
		return TOO_SMALL;
	(void)snprintf(ret, size, "%s", text);
	return SUCCESS;
}

EXPORT int nvmlDeviceGetUUID(struct gpu *d, char *ret, unsigned int size);
int nvmlDeviceGetUUID(struct gpu *d, char *ret, unsigned int size)
{
	CHECK();
	return give_text(d->uuid, ret, size);
}

EXPORT int nvmlDeviceGetName(struct gpu *d, char *ret, unsigned int size);
int nvmlDeviceGetName(struct gpu *d, char *ret, unsigned int size)
{
	CHECK();
	return give_text(d->name, ret, size);
}

EXPORT int nvmlDeviceGetPciInfo_v3(struct gpu *d, struct pci_info *ret);
int nvmlDeviceGetPciInfo_v3(struct gpu *d, struct pci_info *ret)
{
	CHECK();
	*ret = (struct pci_info){.domain = d->domain, .bus = d->bus, .device = d->slot};
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%08X:%02X:%02X.0", d->domain, d->bus,
		       d->slot);
	return SUCCESS;
}

EXPORT int nvmlDeviceGetCudaComputeCapability(struct gpu *d, int *major, int *minor);
int nvmlDeviceGetCudaComputeCapability(struct gpu *d, int *major, int *minor)
{
	CHECK();
	*major = (int)d->cc_major;
	*minor = (int)d->cc_minor;
	return d->cc_major < 0 ? UNSUPPORTED : SUCCESS;
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(struct gpu *d, struct memory_v2 *ret);
int nvmlDeviceGetMemoryInfo_v2(struct gpu *d, struct memory_v2 *ret)
{
	CHECK();
	if (ret->version != (sizeof(*ret) | 2U << 24))
		return INVALID;
	if (d->total < 0)
		return UNSUPPORTED;
	ret->total = (unsigned long long)d->total;
	ret->used = (unsigned long long)d->used;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetMemoryInfo(struct gpu *d, struct memory *ret);
int nvmlDeviceGetMemoryInfo(struct gpu *d, struct memory *ret)
{
	CHECK();
	if (d->total < 0)
		return UNSUPPORTED;
	ret->total = (unsigned long long)d->total;
	ret->used = (unsigned long long)d->used;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetMigMode(struct gpu *d, unsigned int *now, unsigned int *pending);
int nvmlDeviceGetMigMode(struct gpu *d, unsigned int *now, unsigned int *pending)
{
	CHECK();
	*now = *pending = d->migs_n > 0;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(struct gpu *d, unsigned int *ret);
int nvmlDeviceGetMaxMigDeviceCount(struct gpu *d, unsigned int *ret)
{
	CHECK();
	*ret = d->migs_n ? 7 : 0;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(struct gpu *d, unsigned int index, struct gpu **ret);
int nvmlDeviceGetMigDeviceHandleByIndex(struct gpu *d, unsigned int index, struct gpu **ret)
{
	CHECK();
	if (index >= d->migs_n)
		return NOT_FOUND;
	*ret = d->migs[index];
	return SUCCESS;
}

EXPORT int nvmlDeviceGetAttributes_v2(struct gpu *d, struct attributes *ret);
int nvmlDeviceGetAttributes_v2(struct gpu *d, struct attributes *ret)
{
	CHECK();
	if (!d->is_mig)
		return UNSUPPORTED;
	*ret = (struct attributes){.memory_mb = (unsigned long long)d->mib};
	return SUCCESS;
}

EXPORT int nvmlDeviceGetUtilizationRates(struct gpu *d, struct utilization *ret);
int nvmlDeviceGetUtilizationRates(struct gpu *d, struct utilization *ret)
{
	CHECK();
	ret->gpu = (unsigned int)d->gpu_percent;
	ret->memory = (unsigned int)d->memory_percent;
	return d->gpu_percent < 0 ? UNSUPPORTED : SUCCESS;
}

EXPORT int nvmlDeviceGetTemperature(struct gpu *d, int sensor, unsigned int *ret);
int nvmlDeviceGetTemperature(struct gpu *d, int sensor, unsigned int *ret)
{
	CHECK();
	return sensor ? INVALID : give(d->temperature, ret);
}

EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(struct gpu *d, unsigned long long *ret);
int nvmlDeviceGetCurrentClocksThrottleReasons(struct gpu *d, unsigned long long *ret)
{
	CHECK();
	*ret = (unsigned long long)d->throttle;
	return d->throttle < 0 ? UNSUPPORTED : SUCCESS;
}

EXPORT int nvmlDeviceGetTotalEccErrors(struct gpu *d, int type, int counter,
				       unsigned long long *ret);
int nvmlDeviceGetTotalEccErrors(struct gpu *d, int type, int counter, unsigned long long *ret)
{
	long long n = type ? d->uncorrected : d->corrected;

	CHECK();
	*ret = (unsigned long long)n;
	return n < 0 || counter ? UNSUPPORTED : SUCCESS;
}

EXPORT int nvmlDeviceGetRemappedRows(struct gpu *d, unsigned int *corrected,
				     unsigned int *uncorrected, unsigned int *pending,
				     unsigned int *failed);
int nvmlDeviceGetRemappedRows(struct gpu *d, unsigned int *corrected, unsigned int *uncorrected,
			      unsigned int *pending, unsigned int *failed)
{
	CHECK();
	if (d->rows_corrected < 0)
		return UNSUPPORTED;
	*corrected = (unsigned int)d->rows_corrected;
	*uncorrected = (unsigned int)d->rows_uncorrected;
	*pending = (unsigned int)d->rows_pending;
	*failed = (unsigned int)d->rows_failed;
	return SUCCESS;
}

static int give_processes(const struct gpu *d, bool graphics, unsigned int *n,
			  struct process_info *ret)
{
	unsigned int room = *n;

	*n = 0;
	for (unsigned int i = 0; i < d->processes_n; i++) {
		if (d->graphics[i] != graphics)
			continue;
		if (*n == room)
			return TOO_SMALL;
		ret[(*n)++] = d->processes[i];
	}
	return SUCCESS;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(struct gpu *d, unsigned int *n,
						   struct process_info *ret);
int nvmlDeviceGetComputeRunningProcesses_v3(struct gpu *d, unsigned int *n,
					    struct process_info *ret)
{
	CHECK();
	return give_processes(d, false, n, ret);
}

EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(struct gpu *d, unsigned int *n,
						    struct process_info *ret);
int nvmlDeviceGetGraphicsRunningProcesses_v3(struct gpu *d, unsigned int *n,
					     struct process_info *ret)
{
	CHECK();
	return give_processes(d, true, n, ret);
}
