#!/usr/bin/env bash
# Jaeger v2, from its Go module.
#
#   scripts/jaeger.sh build      build it, unless that was done for this version already (needs Go)
#   scripts/jaeger.sh path       print where the binary is, or will be
#   scripts/jaeger.sh validate   check deploy/jaeger/config.yaml with it
#
# CACHE is the folder that binaries are kept in, one for each version.
set -euo pipefail
cd "$(dirname "$0")/.."

package=github.com/jaegertracing/jaeger
version=$(awk -v module="$package" '$1 == module { print $2; exit }' deploy/jaeger/go.mod)
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/genai-otel}
[[ $cache == /* ]] || cache=$PWD/$cache
binary=$cache/jaeger-$version-$(cksum <deploy/jaeger/go.sum | cut -d ' ' -f 1)/jaeger

build() {
  [[ -x $binary ]] && return
  command -v go >/dev/null || { echo "Go is needed to build Jaeger" >&2; exit 1; }
  echo "building Jaeger: some minutes the first time" >&2
  local flags="-s -w -X $package/internal/version.latestVersion=$version"
  (cd deploy/jaeger && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "$flags" -o "$binary.new" "$package/cmd/jaeger")
  mv "$binary.new" "$binary"
}

case ${1-} in
  build) build ;;
  path) echo "$binary" ;;
  validate) build && "$binary" validate --config deploy/jaeger/config.yaml && echo "deploy/jaeger/config.yaml: valid" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
