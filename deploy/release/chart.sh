#!/usr/bin/env bash
# The Helm chart as an OCI artifact that names the image of its release. Needs helm; `publish` also cosign.
#   deploy/release/chart.sh pack|publish REPOSITORY TAG
set -euo pipefail
cd "$(dirname "$0")/../.."
task=$1 repository=$2 version=${3#v}
out=$PWD/dist/chart
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
# Links to the rules become files.
cp -rL deploy/helm/keyrelay "$work/keyrelay"
sed -i "s#^  repository: \"\"#  repository: $repository/keyrelay#" "$work/keyrelay/values.yaml"
helm lint --strict --quiet "$work/keyrelay" --kube-version 1.31
helm package "$work/keyrelay" --destination "$out" --version "$version" --app-version "$version"
if [ "$task" = publish ]; then
  pushed=$(helm push "$out/keyrelay-$version.tgz" "oci://$repository/charts" 2>&1)
  echo "$pushed"
  cosign sign --yes "$repository/charts/keyrelay@$(sed -n 's/^Digest: //p' <<<"$pushed")"
fi
