#!/usr/bin/env bash
# Writes rendered.yaml: what the chart says with everything turned on. Needs helm 3
# (`go install helm.sh/helm/v3/cmd/helm@latest`). Its first line names the chart that it came from, so that a test
# notices without helm when the two part.
set -euo pipefail
cd "$(dirname "$0")"
helm lint --strict --quiet keyrelay --kube-version 1.31
{
  echo "# Written by render.sh from a chart with SHA-256 $(./digest.sh)"
  helm template relay keyrelay --kube-version 1.31 --set ingress.enabled=true,ingress.tlsSecret=relay-tls 2>/dev/null
} >"${1:-rendered.yaml}"
