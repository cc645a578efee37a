#!/usr/bin/env bash
# Makes the virtual environment that the Makefile uses: the packages of requirements.lock, checked by hash, and this
# project in editable form. Run through `make env`.
#
# Usage: environment.sh [--tools-only] PYTHON VENV
#
# A private package index: uv does not read pip's configuration. Set UV_DEFAULT_INDEX (and UV_INDEX, UV_FIND_LINKS)
# to your mirror; where only pip is configured, its index settings are passed on to uv here.
set -euo pipefail

tools_only=no
if [ "${1:-}" = --tools-only ]; then
  tools_only=yes
  shift
fi
python=${1:?the Python interpreter to use} venv=${2:?the folder of the environment}

fail() {
  echo "make env: $*" >&2
  exit 1
}

command -v "$python" >/dev/null || fail "there is no '$python'. Install Python 3.11, 3.12 or 3.13, or name one: make env PYTHON=python3.12"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' ||
  fail "$("$python" --version) is not supported. Use Python 3.11, 3.12 or 3.13: make env PYTHON=python3.12"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  fail "this Python has no venv or ensurepip module. On Debian or Ubuntu: apt install python3-venv"

if [ -x "$venv/bin/python" ] && ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  rm -rf "$venv" # left half made, or its Python is gone
fi
[ -x "$venv/bin/python" ] || { echo "Making $venv with $("$python" --version)" && "$python" -m venv "$venv"; }

if [ ! -x "$venv/bin/uv" ]; then
  # The version of the lock file's own tool is not locked by hash, so any recent one will do.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv ||
    fail "pip could not install uv. Without internet, configure pip for your mirror (pip config set global.index-url ...)."
fi
[ "$tools_only" = no ] || exit 0

# pip_setting NAME: what pip is configured with, by variable or file.
pip_setting() {
  local variable
  variable="PIP_$(echo "$1" | tr 'a-z-' 'A-Z_')"
  if [ -n "${!variable:-}" ]; then
    echo "${!variable}"
  else
    "$venv/bin/python" -m pip config get "global.$1" 2>/dev/null || true
  fi
}
pass_on() {
  local value
  [ -z "${!2:-}" ] || return 0
  value=$(pip_setting "$1" | tr '\n' ' ' | sed 's/ *$//')
  [ -z "$value" ] || export "$2=$value"
}
pass_on index-url UV_DEFAULT_INDEX
pass_on extra-index-url UV_INDEX
pass_on find-links UV_FIND_LINKS

# As pip does: the best match of all indexes. The hashes in the lock file say which packages are ours.
export UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match}

export VIRTUAL_ENV=$PWD/$venv
export UV_LINK_MODE=${UV_LINK_MODE:-copy}
echo "Installing the locked packages"
"$venv/bin/uv" pip sync --quiet --require-hashes requirements.lock ||
  fail "uv could not install the locked packages. With a private mirror, set UV_DEFAULT_INDEX to its index URL."
# pip sync removes what is not locked; uv itself is not.
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip --default-pip >/dev/null
"$venv/bin/uv" --version >/dev/null 2>&1 || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$venv/bin/uv" pip install --quiet --no-deps --editable .
