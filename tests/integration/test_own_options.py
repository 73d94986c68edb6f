"""A dataset type of the user's own whose keys are an ordinary pydantic model: not frozen, with a list."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.integration.runs import run_quant

CONFTEST = """
from pathlib import Path

from pydantic import BaseModel

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles


class Lists(BaseModel):
    root: Path
    lists: list[str]


def open_lists(spec):
    samples = []
    for name in spec.options.lists:
        for line in (spec.options.root / name).read_text().splitlines():
            image, _, label = line.rpartition(" ")
            samples.append(Sample(id=image, truth=int(label), source=spec.options.root / image))
    return ImageFiles(spec.name, samples)


def pytest_quant_register(registry):
    registry.dataset("lists", Lists, open_lists, tasks=("classification",))
"""


def test_keys_that_no_hash_is_known_of(pytester: pytest.Pytester) -> None:
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    (pytester.path / "conftest.py").write_text(CONFTEST)
    tiny.write_images(pytester.path)
    datasets = {"colours": {"type": "lists", "root": ".", "lists": ["list.txt"]}}
    tiny.write_zoo(pytester.path, datasets=datasets)
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.verdicts == parallel.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}, serial.text
