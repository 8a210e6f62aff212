#!/usr/bin/env bash
# One number for all files of the chart, names and contents, links followed.
set -euo pipefail
cd "$(dirname "$0")/keyrelay"
export LC_ALL=C
find -L . -type f | sort | while read -r file; do sha256sum "$file"; done | sha256sum | cut -d' ' -f1
