#!/bin/sh
# run.sh DIR COMMAND…: the command, if build.sh has built Sunlight into DIR.
for program in sunlight skylight lockdb; do
  [ -x "$1/bin/$program" ] ||
    { echo "skipped: no Sunlight to test against: e2e_sunlight_build says why"
      exit 77; }
done
shift
exec "$@"
