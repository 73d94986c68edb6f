"""The JSON Schema of the report: ``python -m pytest_quant.report.schema docs/report.schema.json`` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pytest_quant.evaluation.files import replace_file
from pytest_quant.report.model import Report


def schema_text() -> str:
    """What a JSON report of this version may hold, as JSON Schema 2020-12."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main(arguments: list[str]) -> None:
    """Write it to the file that is named, or print it."""
    for name in arguments:
        replace_file(Path(name), schema_text().encode())
    if not arguments:
        print(schema_text(), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
