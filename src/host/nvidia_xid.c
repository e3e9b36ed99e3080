/* SPDX-License-Identifier: Apache-2.0 */
#include "host/nvidia_xid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "host/finding.h"
#include "host/nvidia_parts.h"

bool nv_parse_xid(const char *line, struct nv_xid *ret)
{
	static const char mark[] = "NVRM: Xid (";
	const char *p = strstr(line, mark);
	size_t n = 0;
	size_t out = 0;
	int number = 0;

	if (!p)
		return false;
	p += strlen(mark);
	/* "PCI:0000:01:00)", without the word before 352. */
	if (str_starts(p, "PCI:"))
		p += strlen("PCI:");
	n = strspn(p, "0123456789abcdefABCDEF:.");
	if (!n || n >= sizeof(ret->pci) || !str_starts(p + n, "): "))
		return false;
	(void)snprintf(ret->pci, sizeof(ret->pci), "%.*s", (int)n, p);
	p += n + strlen("): ");
	for (n = 0; p[n] >= '0' && p[n] <= '9' && n < 4; n++)
		number = number * 10 + (p[n] - '0');
	if (!n)
		return false;
	ret->number = number;
	p += n + strspn(p + n, ", ");
	for (; *p && *p != '\n' && out + 1 < sizeof(ret->text); p++)
		if (*p >= ' ' && *p <= '~')
			ret->text[out++] = *p;
	ret->text[out] = '\0';
	return true;
}

bool nv_xid_is_hardware(int number)
{
	/*
	 * By NVIDIA's Xid catalog (docs.nvidia.com/deploy/xid-errors): the GPU or the machine has
	 * to be reset, checked or repaired, or memory of it is lost. 56 to 58, 61 and 81 are of
	 * boards before Ampere. The rest is mostly programs' doing.
	 */
	static const int hardware[] = {
		46,  48,  54,  62,  63,	 64,  74,  79,	92,  94,  95,  109, 110,
		119, 120, 136, 140, 143, 144, 145, 146, 147, 148, 149, 150, 155,
		156, 157, 158, 167, 169, 171, 172, 56,	57,  58,  61,  81,
	};

	for (size_t i = 0; i < COUNT(hardware); i++)
		if (hardware[i] == number)
			return true;
	return false;
}

enum { XIDS_MAX = 64 };

struct xids {
	struct nv_xid v[XIDS_MAX];
	size_t n;
};

/* The newest of a GPU and a number stands for all. */
static void take_line(struct xids *x, const char *line)
{
	struct nv_xid new;
	size_t i = 0;

	if (!nv_parse_xid(line, &new))
		return;
	while (i < x->n && (x->v[i].number != new.number || !str_eq(x->v[i].pci, new.pci)))
		i++;
	if (i == XIDS_MAX)
		return;
	x->v[i] = new;
	if (i == x->n)
		x->n++;
}

/* /dev/kmsg gives a record at each read, and EAGAIN at its end; a recorded machine's is a file. */
static void take_log(int fd, struct xids *x)
{
	enum { READS_MAX = 1 << 16 };
	char text[8192];
	size_t have = 0;

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);
		char *line = text;
		char *end;

		/* EPIPE: records were overwritten while we read. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		text[have] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			take_line(x, line);
		}
		have -= (size_t)(line - text);
		if (have == sizeof(text) - 1)
			have = 0; /* no line of the kernel's is that long */
		memmove(text, line, have);
	}
}

bool findings_of_log(const struct root *machine, struct findings *ret)
{
	CLEANUP(fd_closep) int fd = nv_open(machine, "/dev/kmsg", O_RDONLY | O_NONBLOCK);
	struct xids x = {.n = 0};

	if (fd < 0) {
		finding_add(ret, "GPU108", strerror(errno), "");
		return false;
	}
	take_log(fd, &x);
	for (size_t i = 0; i < x.n; i++) {
		char text[192];

		(void)snprintf(text, sizeof(text), "%d (%s, %s)", x.v[i].number, x.v[i].pci,
			       x.v[i].text);
		finding_add(ret, nv_xid_is_hardware(x.v[i].number) ? "GPU101" : "GPU102", text, "");
	}
	return true;
}
