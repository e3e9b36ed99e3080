/* SPDX-License-Identifier: Apache-2.0 */
#include "base/i18n.h"

const char *tr(const char *msgid)
{
	return msgid;
}

void tr_select(const char *locale)
{
	(void)locale;
}
