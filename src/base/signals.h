/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every signal back to its default: one that is ignored would be inherited by
 * the next program. signal(3) hides 32 and 33, which the C library keeps for
 * itself, so this asks the kernel. Nothing is allocated.
 */
void signals_default(void);
