#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Write the answers of tests/solver/*.case anew. The difference is reviewed like code: each line
# that changed must follow from a table of data/ or a rule of doc/design/solver.md.
set -eu
cd "$(dirname "$0")/.."
ninja -C build-dev --quiet tests/solver/test_solver_cases
LC_ALL=C DLENV_UPDATE=1 DLENV_CASES="$PWD/tests/solver" build-dev/tests/solver/test_solver_cases
git --no-pager diff --stat -- tests/solver
