#!/bin/sh
# A Result that can be dropped is an error that can be swallowed, and Debian's
# tl::expected does not say [[nodiscard]] itself.
cd "$(dirname "$0")/../.." || exit 1
found=$(grep -rnE '^ *(static |virtual )?(tl::expected|Result)<.*\) ?(const)?( override)?;' \
  --include='*.h' base x509 ctlog alerts sql monitor |
  grep -v nodiscard)
# The attribute may stand on the line before.
bad=0
while IFS=: read -r file line rest; do
  [ -n "$file" ] || continue
  sed -n "$((line - 1))p" "$file" | grep -q 'nodiscard' && continue
  echo "$file:$line: a Result without [[nodiscard]]:$rest"
  bad=1
done <<TEXT
$found
TEXT
exit $bad
