#!/bin/sh
# Checks what pip cannot bring: the shared libraries that WeasyPrint opens to set PDF pages, and
# Python's own ensurepip, without which no virtual environment can be made (Debian splits it off).
# Missing ones are installed through apt when root; otherwise one line says what to install.
#
# usage: system-libraries.sh PYTHON
set -eu
python=$1

# Prints the Debian packages behind whatever does not load, in one line.
missing() {
    "$python" - <<'PY'
import ctypes
import importlib.util
import sys

LIBRARIES = {
    "libgobject-2.0.so.0": "libpango-1.0-0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz.so.0": "libharfbuzz0b",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
    "libfontconfig.so.1": "libfontconfig1",
}
DARWIN = {
    "libgobject-2.0.0.dylib": "glib",
    "libpango-1.0.0.dylib": "pango",
    "libpangoft2-1.0.0.dylib": "pango",
    "libharfbuzz.0.dylib": "harfbuzz",
    "libfontconfig.1.dylib": "fontconfig",
}
FOLDERS = ("", "/opt/homebrew/lib/", "/usr/local/lib/") if sys.platform == "darwin" else ("",)


def loads(name: str) -> bool:
    for folder in FOLDERS:
        try:
            ctypes.CDLL(folder + name)
        except OSError:
            continue
        return True
    return False


wanted = DARWIN if sys.platform == "darwin" else LIBRARIES
absent = [package for name, package in wanted.items() if not loads(name)]
if importlib.util.find_spec("ensurepip") is None:
    absent.append("python%d.%d-venv" % sys.version_info[:2])
print(*dict.fromkeys(absent))
PY
}

packages=$(missing)
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing system packages: $packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # one word per package is meant
    apt-get install -y -qq --no-install-recommends $packages >/dev/null
    packages=$(missing)
    [ -n "$packages" ] || exit 0
fi
echo "system packages are missing: install $packages (Debian and Homebrew names) and run this again" >&2
exit 1
