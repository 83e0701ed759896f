#!/bin/sh
# build.sh DIR: builds Sunlight, a Static CT log server, into DIR/bin with Go's
# own module downloads and caches; quick where those are warm. Where it cannot
# be built one line says why, and the code is 77.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")"
skip() { echo "skipped: no Sunlight to test against: $*"; exit 77; }

PATH=$PATH:/usr/local/go/bin  # where Go's own packages go
command -v go >/dev/null || skip "no Go toolchain (golang.org, or Debian 13)"
# A newer toolchain would be fetched silently otherwise.
export GOTOOLCHAIN=local GOWORK=off
need=$(sed -n 's/^go 1\.//p' go.mod)
have=$(go version | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p')
[ "${have:-0}" -ge "$need" ] || skip "$(go version) is older than 1.$need"
[ "$(go env CGO_ENABLED)" = 1 ] || skip "Go finds no C compiler"

cp go.mod "$dir/go.mod"
with_go() {
  word=$1
  shift
  nice go "$word" -mod=mod -modfile="$dir/go.mod" "$@"
}
log=filippo.io/sunlight/cmd
# Fetches what is missing. Nothing of ours is compiled here, so that nothing of
# ours can be what fails.
with_go list -deps crawshaw.io/sqlite/sqlitex $log/sunlight $log/skylight \
  >/dev/null 2>"$dir/fetch.err" ||
  skip "the Go modules cannot be fetched: $(tail -n 1 "$dir/fetch.err")"
with_go build -p 2 -buildvcs=false -o "$dir/bin/" . $log/sunlight $log/skylight
