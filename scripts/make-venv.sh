#!/bin/sh
# Makes the virtual environment $1 with the interpreter $2, or with the first suitable one on PATH; says clearly what is missing.
set -eu
venv=$1
chosen=${2:-}

suitable='import sys; sys.exit(0 if sys.version_info >= (3, 11) and sys.implementation.name == "cpython" else 1)'
for candidate in ${chosen:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
  # A name on PATH may still be a shim without a version behind it, so the interpreter is asked, not looked up.
  "$candidate" -c "$suitable" 2>/dev/null || continue
  found=$candidate
  "$candidate" -c 'import ensurepip, venv' 2>/dev/null || continue
  echo "Making $venv with $("$candidate" -V) ($(command -v "$candidate"))"
  rm -rf "$venv"
  exec "$candidate" -m venv "$venv"
done

if [ -n "${found:-}" ]; then
  version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "$found ($version) cannot make virtual environments: its modules venv and ensurepip are missing." >&2
  echo "On Debian and Ubuntu: apt install python$version-venv; or name another interpreter: make PYTHON=/path/to/python ..." >&2
elif [ -n "$chosen" ]; then
  echo "PYTHON=$chosen is no CPython 3.11 or newer ($("$chosen" -V 2>&1 | tail -n 1))." >&2
else
  echo "streamkl needs CPython 3.11 or newer, and none of python3, python3.11 ... python3.14 on PATH is one." >&2
  echo "Install one, or name it: make PYTHON=/path/to/python ..." >&2
fi
exit 1
