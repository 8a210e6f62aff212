#!/usr/bin/env bash
# The container image, for one platform at a time on a machine of that kind, then both under one name, signed.
#   deploy/release/image.sh build   REPOSITORY TAG PLATFORM    linux/amd64, linux/arm64
#   deploy/release/image.sh publish REPOSITORY TAG             needs cosign
set -euo pipefail
cd "$(dirname "$0")/../.."
task=$1 image=$2/keyrelay version=${3#v}
if [ "$task" = build ]; then
  # An SBOM and the provenance stand beside each image in the registry.
  docker buildx build --file deploy/Dockerfile --platform "$4" --sbom=true --provenance=mode=max \
    --tag "$image:$version-${4#linux/}" --push .
else
  docker buildx imagetools create --tag "$image:$version" "$image:$version-amd64" "$image:$version-arm64"
  digest=$(docker buildx imagetools inspect "$image:$version" --format '{{.Manifest.Digest}}')
  cosign sign --yes --recursive "$image@$digest"
fi
