#!/usr/bin/env bash
# Writes rendered/plain.yaml and rendered/full.yaml: what the chart says with the values of keyrelay/ci. Needs helm 3
# (`go install helm.sh/helm/v3/cmd/helm@latest`). Their first line names the chart that they came from, so that a test
# notices without helm when the two part.
set -euo pipefail
cd "$(dirname "$0")"
folder=${1:-rendered}
mkdir -p "$folder"
for name in plain full; do
  values=keyrelay/ci/$name-values.yaml
  helm lint --strict --quiet keyrelay --kube-version 1.31 --values "$values"
  {
    echo "# Written by render.sh from a chart with SHA-256 $(./digest.sh)"
    helm template relay keyrelay --kube-version 1.31 --values "$values" 2>/dev/null
  } >"$folder/$name.yaml"
done
