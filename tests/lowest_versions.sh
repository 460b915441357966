#!/usr/bin/env bash
# The tests with the lowest versions that pyproject.toml declares, in an environment of their own.
#
#   tests/lowest_versions.sh [PYTEST'S OPTIONS]
#
# Needs uv and Python 3.11. UV_FIND_LINKS, UV_INDEX_URL and the like say where packages are;
# CONSTRAINTS is a file of more constraints, such as torch==2.13.0+cpu for the build without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT

uv venv --quiet --python 3.11 "$environment"
uv pip install --quiet --python "$environment/bin/python" --resolution lowest-direct \
  ${CONSTRAINTS:+--constraints "$CONSTRAINTS"} '.[dev]'
"$environment/bin/python" -m pytest "$@"
