/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <unistd.h>

static void to_hex(struct sha256_ctx *ctx, char ret[DIGEST_LEN])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t raw[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(raw), raw);
	for (size_t i = 0; i < sizeof(raw); i++) {
		ret[2 * i] = digits[raw[i] >> 4];
		ret[2 * i + 1] = digits[raw[i] & 15];
	}
	ret[2 * sizeof(raw)] = '\0';
}

void digest_bytes(const void *data, size_t len, char ret[DIGEST_LEN])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	to_hex(&ctx, ret);
}

int digest_fd(int fd, char ret[DIGEST_LEN], struct err *e)
{
	struct sha256_ctx ctx;
	uint8_t chunk[65536];

	sha256_init(&ctx);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot read a file for its digest");
		if (n == 0)
			break;
		sha256_update(&ctx, (size_t)n, chunk);
	}
	to_hex(&ctx, ret);
	return 0;
}
