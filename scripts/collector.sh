#!/usr/bin/env bash
# The OpenTelemetry Collector with the components of deploy/collector/builder-config.yaml.
#
#   scripts/collector.sh build      build it, unless that was done for this manifest already (needs Go)
#   scripts/collector.sh path       print where the binary is, or will be
#   scripts/collector.sh validate   check every configuration in the repository with it
#
# CACHE is the folder that binaries are kept in, one for each content of the manifest.
set -euo pipefail
cd "$(dirname "$0")/.."

manifest=$PWD/deploy/collector/builder-config.yaml
version=$(awk '$1 == "version:" { print $2; exit }' "$manifest")
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/genai-otel}
[[ $cache == /* ]] || cache=$PWD/$cache
folder=$cache/collector-$version-$(cksum <"$manifest" | cut -d ' ' -f 1)
binary=$folder/otelcol-genai

build() {
  [[ -x $binary ]] && return
  command -v go >/dev/null || { echo "Go is needed to build the collector" >&2; exit 1; }
  mkdir -p "$folder"
  echo "building the collector: some minutes the first time" >&2
  GOBIN=$folder go install "go.opentelemetry.io/collector/cmd/builder@v$version"
  work=$(mktemp -d "$folder/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/.cache"
  (cd "$work" && "$folder/builder" --config "$manifest" >build.log 2>&1) || { tail -n 40 "$work/build.log" >&2; exit 1; }
  mv "$work/.cache/otelcol-genai/otelcol-genai" "$binary"
}

validate() {
  build
  local config
  for config in collector-config.yaml deploy/collector/agent.yaml deploy/collector/gateway.yaml; do
    "$binary" validate --config "$config"
    echo "$config: valid"
  done
}

case ${1-} in
  build) build ;;
  path) echo "$binary" ;;
  validate) validate ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
