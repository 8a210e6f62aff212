#!/usr/bin/env bash
# actionlint over .github/workflows; it comes from the registry of Go modules, into .cache. Needs go.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/actionlint
if [ ! -x "$cache/actionlint" ]; then GOBIN=$cache go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7; fi
"$cache/actionlint" -color
