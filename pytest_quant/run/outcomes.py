"""What came of a case, as pytest takes it: warnings, skips and failures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_quant.run.deciding import Decided
from pytest_quant.run.records import RunCase
from pytest_quant.spec.errors import BaselineMissingError, DatasetMissingError, PartError, QuantError, QuantWarning
from pytest_quant.spec.text import visible


class LimitBroken(Exception):  # noqa: N818 - not an error: a limit did its work
    """A limit does not hold; the only thing that ``xfail`` in a zoo file covers."""


def conclude(decided: Decided, records: list[RunCase], *, strict: bool, place: tuple[Path, int]) -> str | None:
    """Add the record of a case and give the failure message of a broken limit.

    ``place``: the file and line that asked for the case, at which its warnings point.
    Raises a skip where something is not on this machine (under ``strict`` a failure), and the `QuantError` for which
    the limit could not be decided.
    """
    records.append(decided.record)
    if isinstance(decided.error, PartError):
        raise pytest.skip.Exception(str(decided.error))
    if isinstance(decided.error, (DatasetMissingError, BaselineMissingError)):
        skip_missing(decided.error, strict=strict)
    if decided.error is not None:
        raise decided.error
    for warning in decided.warnings:
        warnings.warn_explicit(visible(warning), QuantWarning, str(place[0]), place[1])
    return None if decided.message is None else visible(decided.message, lines=True)


def skip_missing(error: DatasetMissingError | BaselineMissingError, *, strict: bool) -> None:
    """Skip the running test for a missing dataset or baseline; under ``--quant-strict`` fail it."""
    if strict:
        raise pytest.fail.Exception(visible(f"--quant-strict: {error}", lines=True), pytrace=False) from None
    raise pytest.skip.Exception(visible(str(error))) from None


@contextmanager
def explained(*, strict: bool) -> Iterator[None]:
    """For fixtures: a `QuantError` becomes a skip or a failure without a traceback."""
    try:
        yield
    except DatasetMissingError as error:
        skip_missing(error, strict=strict)
    except QuantError as error:
        raise pytest.fail.Exception(visible(str(error), lines=True), pytrace=False) from None
