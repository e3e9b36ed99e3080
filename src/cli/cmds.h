/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"

/*
 * The commands: one file cmd_NAME.c each. Option rows are declared here too,
 * because commands.c has the rows of the commands and nothing else. An option
 * struct holds nothing but what its rows fill in.
 */

int cmd_help(struct cli *c, struct err *e);
int cmd_version(struct cli *c, struct err *e);
int cmd_completion(struct cli *c, struct err *e);
extern const struct option_row help_options[];

int cmd_up(struct cli *c, struct err *e);
int cmd_start(struct cli *c, struct err *e);
int cmd_stop(struct cli *c, struct err *e);
int cmd_rebuild(struct cli *c, struct err *e);
int cmd_rm(struct cli *c, struct err *e);
int cmd_ls(struct cli *c, struct err *e);
int cmd_status(struct cli *c, struct err *e);
int cmd_exec(struct cli *c, struct err *e);
int cmd_shell(struct cli *c, struct err *e);
int cmd_attach(struct cli *c, struct err *e);
int cmd_jupyter(struct cli *c, struct err *e);
int cmd_logs(struct cli *c, struct err *e);
int cmd_run(struct cli *c, struct err *e);
int cmd_init(struct cli *c, struct err *e);
int cmd_config(struct cli *c, struct err *e);
int cmd_image_build(struct cli *c, struct err *e);
int cmd_image_ls(struct cli *c, struct err *e);
int cmd_image_verify(struct cli *c, struct err *e);
int cmd_image_rm(struct cli *c, struct err *e);
int cmd_ssh_setup(struct cli *c, struct err *e);
int cmd_ssh_proxy(struct cli *c, struct err *e);
int cmd_cdi_apply(struct cli *c, struct err *e);
int cmd_cdi_generate(struct cli *c, struct err *e);
int cmd_cdi_list(struct cli *c, struct err *e);
int cmd_cdi_refresh(struct cli *c, struct err *e);
int cmd_cdi_validate(struct cli *c, struct err *e);
int cmd_runtime_run(struct cli *c, struct err *e);
int cmd_configure(struct cli *c, struct err *e);
int cmd_doctor(struct cli *c, struct err *e);
int cmd_gpu_ls(struct cli *c, struct err *e);
int cmd_gpu_health(struct cli *c, struct err *e);
int cmd_top(struct cli *c, struct err *e);
int cmd_solve(struct cli *c, struct err *e);
int cmd_setup(struct cli *c, struct err *e);
extern const struct option_row up_options[];
extern const struct option_row stop_options[];
extern const struct option_row remove_options[];
extern const struct option_row exec_options[];
extern const struct option_row run_options[];
extern const struct option_row jupyter_options[];
extern const struct option_row logs_options[];
extern const struct option_row init_options[];
extern const struct option_row config_options[];
extern const struct option_row build_options[];
extern const struct option_row ssh_options[];
extern const struct option_row cdi_apply_options[];
extern const struct option_row cdi_generate_options[];
extern const struct option_row cdi_list_options[];
extern const struct option_row cdi_refresh_options[];
extern const struct option_row runtime_options[];
extern const struct option_row configure_options[];
extern const struct option_row doctor_options[];
extern const struct option_row top_options[];
extern const struct option_row solve_options[];
extern const struct option_row setup_options[];
