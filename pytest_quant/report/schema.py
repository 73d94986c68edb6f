"""The JSON Schema of the report: ``python -m pytest_quant.report.schema docs/report.schema.json`` writes it."""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from pytest_quant.evaluation.files import replace_file
from pytest_quant.report.model import Report


def schema_text() -> str:
    """What a JSON report of this version may hold, as JSON Schema 2020-12."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema(by_alias=True)}
    parts = {**schema["$defs"], Report.__name__: schema}
    for model in _models(BaseModel):
        if model.__name__ not in parts:  # what processes tell each other, and no report holds
            continue
        properties = parts[model.__name__]["properties"]
        for name, words in _described(model).items():
            properties[model.model_fields[name].alias or name]["description"] = words
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The classes that a report is made of."""
    for model in base.__subclasses__():
        if model.__module__.startswith(_PACKAGES):
            yield model
        yield from _models(model)


_PACKAGES = ("pytest_quant.report.model.", "pytest_quant.evaluation.parts.")


def _described(model: type[BaseModel]) -> dict[str, str]:
    """Each key of a class, the inherited ones too, to what stands below it in the source."""
    found = {}
    for owner in reversed(model.__mro__):
        if not owner.__module__.startswith(_PACKAGES):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        for key, below in pairwise(getattr(definition, "body", ())):
            match key, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = inspect.cleandoc(words)
    return found


def main(arguments: list[str]) -> None:
    """Write it to the file that is named, or print it."""
    for name in arguments:
        replace_file(Path(name), schema_text().encode())
    if not arguments:
        print(schema_text(), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
