/* SPDX-License-Identifier: Apache-2.0 */
/* Which capabilities want which of the driver's libraries. */
#include <string.h>

#include "cdi/driver_parts.h"

enum {
	/* Video decoding is done with CUDA's libraries. */
	COMPUTE = CAP_COMPUTE | CAP_VIDEO,
	SCREEN = CAP_GRAPHICS | CAP_DISPLAY,
};

/* By the part before ".so". One that is not here is new: whoever asks for anything gets it. */
static const struct {
	const char *stem;
	unsigned int caps;
	bool inner; /* its SONAME is its whole file name: only the driver itself uses it */
} libraries[] = {
	{"libEGL", SCREEN},
	{"libEGL_nvidia", SCREEN},
	{"libGL", SCREEN},
	{"libGLESv1_CM", SCREEN},
	{"libGLESv1_CM_nvidia", SCREEN},
	{"libGLESv2", SCREEN},
	{"libGLESv2_nvidia", SCREEN},
	{"libGLX", SCREEN},
	{"libGLX_nvidia", SCREEN},
	{"libGLdispatch", SCREEN},
	{"libOpenCL", COMPUTE},
	{"libOpenGL", SCREEN},
	{"libcuda", COMPUTE},
	{"libcudadebugger", COMPUTE},
	{"libglxserver_nvidia", SCREEN},
	{"libnvcuvid", CAP_VIDEO},
	{"libnvidia-allocator", COMPUTE | SCREEN},
	{"libnvidia-api", SCREEN},
	{"libnvidia-cbl", SCREEN, true},
	{"libnvidia-cfg", CAP_UTILITY},
	{"libnvidia-compiler", COMPUTE, true},
	{"libnvidia-egl-gbm", SCREEN},
	{"libnvidia-egl-wayland", SCREEN},
	{"libnvidia-egl-wayland2", SCREEN},
	{"libnvidia-egl-xcb", SCREEN},
	{"libnvidia-egl-xlib", SCREEN},
	{"libnvidia-eglcore", SCREEN, true},
	{"libnvidia-encode", CAP_VIDEO},
	{"libnvidia-fatbinaryloader", COMPUTE, true},
	{"libnvidia-fbc", SCREEN},
	{"libnvidia-glcore", SCREEN, true},
	{"libnvidia-glsi", SCREEN, true},
	{"libnvidia-glvkspirv", SCREEN, true},
	{"libnvidia-gpucomp", COMPUTE | SCREEN, true},
	{"libnvidia-gtk2", CAP_DISPLAY},
	{"libnvidia-gtk3", CAP_DISPLAY},
	{"libnvidia-ifr", SCREEN},
	{"libnvidia-ml", CAP_UTILITY},
	{"libnvidia-ngx", CAP_NGX},
	{"libnvidia-nscq", CAP_UTILITY},
	{"libnvidia-nvvm", COMPUTE},
	{"libnvidia-nvvm70", COMPUTE},
	{"libnvidia-opencl", COMPUTE},
	{"libnvidia-opticalflow", CAP_VIDEO},
	{"libnvidia-pkcs11", COMPUTE, true},
	{"libnvidia-pkcs11-openssl3", COMPUTE, true},
	{"libnvidia-ptxjitcompiler", COMPUTE},
	{"libnvidia-rtcore", SCREEN, true},
	{"libnvidia-tileiras", COMPUTE},
	{"libnvidia-tls", SCREEN, true},
	{"libnvidia-vulkan-producer", SCREEN},
	{"libnvidia-wayland-client", CAP_DISPLAY},
	{"libnvoptix", SCREEN},
	{"libvdpau_nvidia", CAP_VIDEO},
};

static size_t row_of(const char *name)
{
	const char *so = strstr(name, ".so");
	size_t n = so ? (size_t)(so - name) : strlen(name);
	size_t i = 0;

	while (i < COUNT(libraries) &&
	       (strlen(libraries[i].stem) != n || strncmp(libraries[i].stem, name, n) != 0))
		i++;
	return i;
}

unsigned int driver_library_caps(const char *name)
{
	size_t i = row_of(name);

	return i < COUNT(libraries) ? libraries[i].caps : CAP_ALL;
}

bool driver_library_is_inner(const char *name)
{
	size_t i = row_of(name);

	return i < COUNT(libraries) && libraries[i].inner;
}
