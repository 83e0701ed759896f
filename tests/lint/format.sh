#!/bin/sh
# clang-format 14 is what Debian 12 ships; others format differently.
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format >/dev/null || { echo "skipped: no clang-format"; exit 77; }
clang-format --version | grep -q 'version 14\.' ||
  { echo "skipped: clang-format is not version 14"; exit 77; }
git ls-files '*.h' '*.cc' | xargs clang-format --dry-run -Werror
