/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The files of data/systemd, compiled in (tools/text2c.py). */
extern const char text_dlenv_cdi_service[];
extern const char text_dlenv_cdi_path[];
extern const char text_70_dlenv_cdi_rules[];
