#!/bin/sh
# Third-party headers stay in .cc files; those named here are cheap, or are
# what a header is about.
cd "$(dirname "$0")/../.." || exit 1
found=$(grep -rnE '#include <(curl|simdjson|mbedtls|openssl|pqxx|libpq|catch2|CLI|toml|spdlog|nlohmann|httplib|prometheus|libpsl|idn2|iostream|regex)' \
  --include='*.h' base x509 ctlog alerts sql monitor | grep -v '^sql/pqxx_compat\.h:')
if [ -n "$found" ]; then
  echo "$found"
  exit 1
fi
