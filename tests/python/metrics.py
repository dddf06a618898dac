"""Reads a page of metrics with Prometheus' own parsers, and writes what it has as JSON.

The only argument is the format: text or openmetrics. The page is the standard input.
"""
import json
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

PARSERS = {
    "text": text.text_string_to_metric_families,
    "openmetrics": openmetrics.text_string_to_metric_families,
}

families = [
    {
        "name": family.name,
        "type": family.type,
        "help": family.documentation,
        "samples": [
            {"name": sample.name, "labels": sample.labels, "value": str(sample.value)}
            for sample in family.samples
        ],
    }
    for family in PARSERS[sys.argv[1]](sys.stdin.read())
]
json.dump(families, sys.stdout)
