#!/bin/sh
# Each room includes only the rooms that tests/layers.txt allows it.
cd "$(dirname "$0")/../.." || exit 1
bad=0
while IFS=: read -r room allowed; do
  found=$(grep -rhoE '#include "(base|x509|ctlog|alerts|sql|monitor|tests)/' \
    --include='*.h' --include='*.cc' "$room" |
    sed -E 's/.*"([a-z0-9]+)\/.*/\1/' | sort -u)
  for used in $found; do
    [ "$used" = "$room" ] && continue
    case " $allowed " in
      *" $used "*) ;;
      *) echo "$room includes $used, which tests/layers.txt does not allow"
         bad=1 ;;
    esac
  done
done < tests/layers.txt
exit $bad
