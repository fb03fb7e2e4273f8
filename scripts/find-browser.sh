#!/bin/sh
# The tests open pages in a real browser: one on the PATH, else Debian's chromium is installed where that is allowed; else says what to do.
set -eu
for name in chromium chromium-browser google-chrome chrome; do
  if command -v "$name" > /dev/null; then exit 0; fi
done

if command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing chromium with apt-get, for the tests that open pages ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium > /dev/null && exit 0
  echo "apt-get could not install chromium." >&2
fi
echo "The tests open pages in a browser, and there is no chromium or chrome on the PATH." >&2
echo "Install one, for example: sudo apt-get install chromium" >&2
exit 1
