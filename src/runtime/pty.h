/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/*
 * Terminals. In the container: a new one of the devpts that is mounted on
 * /dev/pts below root; its master goes through a socket to the parent.
 */
int pty_make(int root, uid_t owner, int socket, int *ret_slave, struct err *e) MUST_USE;

/* Own session with that terminal. */
int pty_control(int slave, struct err *e) MUST_USE;

/* In the parent: the master. ERR_ABSENT when the child ended without sending one. */
int pty_receive(int socket, int *ret_master, struct err *e) MUST_USE;

/*
 * Connect our terminal (descriptors in and out) with the master until the child
 * has ended: raw mode, window size, signals. Restores our terminal. Returns the
 * child's exit status (128 + signal).
 */
int pty_proxy(int master, int in, int out, pid_t child, int *ret_status, struct err *e) MUST_USE;
