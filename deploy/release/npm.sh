#!/usr/bin/env bash
# Packs the relay and its client into dist/packages; `publish` also publishes both, with provenance. `npm ci` first.
#   deploy/release/npm.sh pack|publish
set -euo pipefail
cd "$(dirname "$0")/../.."
task=$1
npm run --silent build:client-package
# Who installs the relay gets the very packages that it was tested with, by their hashes.
cp package-lock.json npm-shrinkwrap.json
trap 'rm -f npm-shrinkwrap.json' EXIT
rm -rf dist/packages && mkdir -p dist/packages
npm pack --silent --pack-destination dist/packages
npm pack --silent --pack-destination dist/packages ./dist/client-package
if [ "$task" = publish ]; then
  # Provenance is only accepted for the repository that it was built in.
  for folder in . dist/client-package; do
    (cd "$folder" && npm pkg set "repository.type=git" "repository.url=git+https://github.com/$GITHUB_REPOSITORY.git")
  done
  npm publish --provenance --access public
  npm publish --provenance --access public ./dist/client-package
fi
