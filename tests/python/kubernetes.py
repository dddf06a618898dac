"""Checks the documents of a YAML file against the schemas of Kubernetes, and writes what is wrong as JSON.

The only argument is the version of Kubernetes. The file is the standard input. Unknown fields are wrong, too.
"""
import json
import sys

import kubernetes_validate
import yaml

wrong = []
for document in yaml.safe_load_all(sys.stdin.read()):
    name = f"{document['kind']} {document['metadata']['name']}"
    try:
        kubernetes_validate.validate(document, sys.argv[1], strict=True)
    except kubernetes_validate.ValidationError as error:
        wrong.append(f"{name}: {'.'.join(map(str, error.path))}: {error.message}")
json.dump(wrong, sys.stdout)
