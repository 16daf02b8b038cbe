#!/bin/sh
# Builds the compiled modules with AddressSanitizer and UndefinedBehaviorSanitizer in a folder of their own
# and fuzzes them there: sh tests/fuzz/sanitised.sh [EXECUTIONS [SEED]]. Needs gcc with its sanitizer libraries.
set -eu

executions=${1:-200000}
seed=${2:-1}
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/tests"
cp -r "$root/capture_agent" "$root/setup.py" "$root/pyproject.toml" "$work/"
cp -r "$root/tests/fuzz" "$root/tests/vectors" "$work/tests/"
rm -f "$work"/capture_agent/compiled/*.so
cd "$work"
flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"
CFLAGS="$flags" LDFLAGS="$flags" "$python" setup.py -q build_ext --inplace --force --build-temp "$work/temp"

# Python's own allocator would hide an overrun inside its arenas.
export PYTHONMALLOC=malloc PYTHONPATH="$work" ASAN_OPTIONS=detect_leaks=0:halt_on_error=1
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
export LD_PRELOAD
"$python" tests/fuzz/parsers.py --path compiled --executions "$executions" --seed "$seed"
