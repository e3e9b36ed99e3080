/* SPDX-License-Identifier: Apache-2.0 */
/* The variant of i18n.c for dlenv-init and dlenv-toolkit: what they write are logs, which stay
 * English. */
#include "base/i18n.h"

const char *tr(const char *msgid)
{
	return msgid;
}
