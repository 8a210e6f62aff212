#!/usr/bin/env bash
# Checks rendered/*.yaml, or another file, against the schemas of Kubernetes and of the two sets of custom resources that
# the chart speaks of. kubeconform and the schemas come from the registries of Go and Python, into .cache/kubernetes;
# needs go and python3 with venv. `--strict`: a member that no schema knows is an error.
set -euo pipefail
cd "$(dirname "$0")"
kubernetes=1.31.0
gateway=sigs.k8s.io/gateway-api@v1.2.1
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
cache=$(cd ../.. && pwd)/.cache/kubernetes
mkdir -p "$cache"

if [ ! -x "$cache/kubeconform" ]; then GOBIN=$cache go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0; fi
if [ ! -e "$cache/schemas/.complete" ]; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet kubernetes-validate==1.37.0
  module() { (cd / && go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }
  "$cache/venv/bin/python" - "$kubernetes" "$cache/schemas" \
    "$(module $gateway)"/config/crd/standard/*_httproutes.yaml \
    "$(module $operator)"/example/prometheus-operator-crd/*_{servicemonitors,prometheusrules}.yaml <<'PYTHON'
import json, pathlib, re, sys
import kubernetes_validate, yaml

version, folder, *crds = sys.argv[1:]
folder = pathlib.Path(folder)
folder.mkdir(parents=True, exist_ok=True)
shipped = pathlib.Path(kubernetes_validate.__file__).parent / 'kubernetes-json-schema' / f'v{version}-local-strict'
definitions = json.loads((shipped / '_definitions.json').read_text())['$defs']


def closed(schema):
    """A schema that needs no other file, which kubeconform would not look for."""
    text, known = json.dumps(schema).replace('/api/_definitions.json#', '#'), {}
    todo = [text]
    while todo:
        for name in re.findall(r'"#/[$]defs/([^"]+)"', todo.pop()):
            if name not in known:
                known[name] = definitions[name]
                todo.append(json.dumps(definitions[name]))
    return json.dumps({**json.loads(text), '$defs': known})


for file in shipped.glob('*.json'):
    schema = json.loads(file.read_text())
    if 'x-kubernetes-group-version-kind' in schema:
        (folder / file.name).write_text(closed(schema))


def strict(schema):
    """What the API server does with members that are not declared, said in JSON schema."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    if 'properties' in schema and 'x-kubernetes-preserve-unknown-fields' not in schema:
        made.setdefault('additionalProperties', False)
    return made


for file in crds:
    spec = yaml.safe_load(pathlib.Path(file).read_text())['spec']
    for each in spec['versions']:
        name = f"{spec['names']['kind']}-{spec['group'].split('.')[0]}-{each['name']}.json".lower()
        schema = strict(each['schema']['openAPIV3Schema'])
        # The API server knows these two by itself.
        schema['properties'].update(apiVersion={'type': 'string'}, kind={'type': 'string'}, metadata={'type': 'object'})
        (folder / name).write_text(json.dumps(schema))
PYTHON
  touch "$cache/schemas/.complete"
fi

"$cache/kubeconform" -strict -summary -verbose -kubernetes-version "$kubernetes" \
  -schema-location "$cache/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "${@:-rendered}"
