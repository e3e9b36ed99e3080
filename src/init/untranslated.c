/* SPDX-License-Identifier: Apache-2.0 */
/* The variant of base/i18n.c for dlenv-init: what it writes are logs, which stay English. */
#include "base/i18n.h"

const char *tr(const char *msgid)
{
	return msgid;
}
