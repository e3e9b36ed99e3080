/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one program of the registry's images (real.py): hello-world; and as `sh`, which runs the
 * played driver's nvidia-smi: that is a script of the machine's, so it is in the container only
 * when the driver's files are, and sees a GPU only when the nodes are.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2) {
		puts("\nHello from Docker!\n"
		     "This message shows that your installation appears to be working correctly.");
		return 0;
	}
	if (!strstr(argv[1], "nvidia-smi") || access(argv[1], R_OK) != 0) {
		fprintf(stderr, "sh: %s: not found\n", argv[1]);
		return 127;
	}
	if (access("/dev/nvidia0", F_OK) != 0 || access("/dev/nvidiactl", F_OK) != 0) {
		puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA "
		     "driver.");
		return 9;
	}
	puts("GPU 0: played");
	return 0;
}
