#!/usr/bin/env bash
# The tests with the lowest versions that pyproject.toml declares, in an environment of their own.
#
#   tests/lowest_versions.sh [PYTEST'S OPTIONS]
#
# Needs Python 3.11 as python3. PyTorch comes from where pip finds it, or with UV_TORCH_BACKEND=cpu
# from its own index; everything else by uv.
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_SYSTEM_CERTS=1 # as pip does
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT

python3 -m venv "$environment"
python="$environment/bin/python"
torch=$(sed -n 's/^ *"torch>=\([0-9.]*\).*/\1/p' pyproject.toml)
"$python" -m pip install --quiet uv
"$python" -m ${UV_TORCH_BACKEND:+uv} pip install --quiet "torch==$torch"
"$python" -m pip freeze | grep '^torch==' >"$environment/torch.txt" # with its build, such as +cpu
"$python" -m uv pip install --quiet --python "$python" --resolution lowest-direct \
  --constraints "$environment/torch.txt" '.[dev]'
"$python" -m pytest "$@"
