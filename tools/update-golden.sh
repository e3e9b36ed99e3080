#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Write the answers of tests/solver/*.case, and what is said of the machines in tests/hosts and would be done to
# them, anew. The difference is reviewed like code: each line that changed must follow from a table of data/, a rule
# of doc/design/solver.md, a row of src/host/finding.c or a step in src/setup/.
set -eu
cd "$(dirname "$0")/.."
ninja -C build-dev --quiet tests/solver/test_solver_cases
LC_ALL=C DLENV_UPDATE=1 DLENV_CASES="$PWD/tests/solver" build-dev/tests/solver/test_solver_cases
ninja -C build-dev --quiet src/cli/dlenv
tests/hosts/answers.sh "$PWD/build-dev/src/cli/dlenv" "$PWD/tests/golden/hosts"
tests/hosts/plans.sh "$PWD/build-dev/src/cli/dlenv" "$PWD/tests/golden/plans"
git --no-pager diff --stat -- tests/solver tests/golden
