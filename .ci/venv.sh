#!/bin/sh
# Make .venv with a Python that the locked packages have builds for, or check the one that is there; install nothing.
# PYTHON: the interpreter to take; empty: the first on PATH that fits, else one that uv finds or fetches.
set -eu

fail() {
    echo "error: $1" >&2
    exit 1
}

# What is wrong with the interpreter $1; nothing: it fits.
trouble() {
    "$1" - 2>/dev/null <<'END' || echo "does not run"
import platform, struct, sys, sysconfig
version, machine = "%d.%d" % sys.version_info[:2], platform.machine()
built = machine in ("x86_64", "aarch64") and platform.libc_ver()[0] == "glibc" if sys.platform == "linux" else machine == "arm64"
unusual = platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED")
if not ((3, 11) <= sys.version_info[:2] <= (3, 13)):
    print("is Python " + version)
elif unusual or struct.calcsize("P") != 8:
    print("is no ordinary 64-bit CPython")
elif not built:
    print("is for %s %s, where TensorFlow has no build" % (platform.system(), machine))
else:
    try:
        import ensurepip, venv
    except ImportError:
        print("has no module venv (Debian, Ubuntu: sudo apt install python%s-venv)" % version)
END
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

fitting="Python 3.11, 3.12 or 3.13"
again="make clean removes it, then give the command again"

if [ -e .venv ] || [ -L .venv ]; then
    what=$(trouble .venv/bin/python)
    [ -z "$what" ] || fail ".venv/bin/python $what; dae_lab needs $fitting: $again"
    if [ -n "${PYTHON:-}" ]; then
        wanted=$(version_of "$PYTHON") || fail "PYTHON: $PYTHON does not run"
        there=$(version_of .venv/bin/python)
        [ "$wanted" = "$there" ] || fail ".venv is of Python $there, $PYTHON is Python $wanted: $again"
    fi
    .venv/bin/python -c 'import pip' 2>/dev/null || .venv/bin/python -m ensurepip >/dev/null 2>&1 \
        || fail ".venv has no pip: $again"
    exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    set -- python3 python3.13 python3.12 python3.11
fi
seen=""
chosen=""
for name in "$@"; do
    command -v "$name" >/dev/null 2>&1 || continue
    what=$(trouble "$name")
    if [ -z "$what" ]; then
        chosen=$name
        break
    fi
    seen="$seen${seen:+, }$name $what"
done

trap 'rm -rf .venv' EXIT # nothing half-made stays
trap 'exit 1' INT TERM HUP
if [ -n "$chosen" ]; then
    "$chosen" -m venv .venv || fail "$chosen -m venv .venv does not work: see above"
elif [ -n "${PYTHON:-}" ]; then
    fail "PYTHON: ${seen:-there is no program $PYTHON}; dae_lab needs $fitting"
elif command -v uv >/dev/null 2>&1; then
    uv venv --quiet --seed --python '>=3.11,<3.14' .venv || fail "uv finds no $fitting: see above"
else
    fail "dae_lab needs $fitting with its module venv; here ${seen:-there is no python3}. Install one of them, or uv, or name one: make run PYTHON=/path/to/python3.13"
fi
trap - EXIT
