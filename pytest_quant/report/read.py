"""A JSON report back from its file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from pytest_quant.report.model import SCHEMA, Report
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import brief, shown
from pytest_quant.spec.whole_file import whole_file

_WRITE_ONE = "write one with pytest --quant --quant-report report.json"
_MOST_BYTES = 4 << 30
"""Parts of a run hold the predictions of large datasets."""


def read_report(path: Path) -> Report:
    """The report that a file holds; raises `ConfigError` that says what is wrong where, and what to do."""
    try:
        raw = parse_json(whole_file(path, _MOST_BYTES))
    except OSError as error:
        raise ConfigError(f"{shown(path)}: cannot be read: {error.strerror}; {_WRITE_ONE}") from None
    except ValueError as error:  # neither JSON nor UTF-8
        raise ConfigError(f"{shown(path)}: is not a JSON file: {error}; {_WRITE_ONE}") from None
    if not isinstance(raw, dict) or "schema" not in raw:
        raise ConfigError(f"{shown(path)}: is not a report of pytest-quant: it lacks the key `schema`; {_WRITE_ONE}")
    if raw["schema"] != SCHEMA or isinstance(raw["schema"], bool):
        raise ConfigError(f"{shown(path)}: has schema {brief(raw['schema'])}, this version knows {SCHEMA}")
    try:
        return Report.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        found = "" if first["type"] == "missing" else f", found {brief(first['input'])}"
        raise ConfigError(
            f"{shown(path)}: {where}: {first['msg']}{found}. A newer pytest-quant may have written it, or a hand "
            f"changed it; {_WRITE_ONE}"
        ) from None
