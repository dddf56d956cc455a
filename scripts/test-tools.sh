#!/bin/sh
# Programs that tests drive the product with: a terminal, and with `browser` as argument a browser.
# Installed through apt when root; left alone otherwise, and the tests that need one say so and are
# skipped (in CI they fail).
set -eu
missing=""
command -v tmux >/dev/null 2>&1 || missing="$missing tmux"
if [ "${1:-}" = browser ]; then
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ||
        command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing for the tests:$missing"
    # shellcheck disable=SC2086
    apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || {
        apt-get update -qq >/dev/null && apt-get install -y --no-install-recommends $missing >/dev/null
    }
else
    echo "not there, so some tests will be skipped:$missing" >&2
fi
