/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What mokutil says of a machine owner's key. Inside setup/ only. */

enum mok_state {
	MOK_UNKNOWN, /* it could not say */
	MOK_ABSENT,
	MOK_PENDING, /* waits for the firmware's screen at the next boot */
	MOK_ENROLLED,
};

/*
 * By the words of `mokutil --test-key`: its exit status is 0 when the key is not enrolled, and 1
 * both when it is and when it waits.
 */
enum mok_state mok_state_of(const char *words);
