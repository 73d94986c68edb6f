"""Every dataset type opens at URLs as it does at paths: those of the fixtures, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pytest_quant.datasets.images import ImagesOptions
from pytest_quant.datasets.masks import MaskFile
from pytest_quant.datasets.remote import UrlPath, url_path, use_copies
from pytest_quant.evaluation.digests import sha256_content
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.zoo.reader import read_zoo

FIXTURES = Path(__file__).parents[3] / "fixtures"
pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'pytest-quant[dask]'")


NAMES = [
    (zoo, name)
    for zoo in ("zoo", "more")
    for name in yaml.safe_load((FIXTURES / f"{zoo}.quant.yaml").read_text())["datasets"]
]


@lru_cache
def _zoo(name: str) -> Mapping[str, DatasetSpec | None]:
    return read_zoo(FIXTURES / f"{name}.quant.yaml").datasets


def _at_url(spec: DatasetSpec) -> DatasetSpec:
    paths = {key: url_path(f"file://{path}") for key, path in vars(spec.options).items() if isinstance(path, Path)}
    assert paths
    return replace(spec, options=spec.options.model_copy(update=paths))


def _truth(truth: Any) -> Any:
    return replace(truth, path=Path(truth.path.name)) if isinstance(truth, MaskFile) else truth


@pytest.mark.parametrize(("zoo", "name"), [*NAMES, (None, "images")])
def test_samples_and_pixels_are_those_of_the_paths(tmp_path: Path, zoo: str | None, name: str) -> None:
    folder = next((FIXTURES / "data").rglob("*.jpg")).parent
    spec = DatasetSpec(name, name, ImagesOptions(root=folder), FIXTURES) if zoo is None else _zoo(zoo)[name]
    assert spec is not None
    end = use_copies(tmp_path / "urls")
    here, there = open_dataset(spec), open_dataset(_at_url(spec))
    assert [sample.id for sample in there.samples] == [sample.id for sample in here.samples]
    assert [sample.extra for sample in there.samples] == [sample.extra for sample in here.samples]
    assert repr([_truth(s.truth) for s in there.samples]) == repr([_truth(s.truth) for s in here.samples])
    for index in (0, len(here.samples) - 1):
        one, other = here.samples[index], there.samples[index]
        assert np.array_equal(there.read(other), here.read(one))
        assert sha256_content(there.content(other)) == sha256_content(here.content(one))
    images = [sample.source for sample in there.samples if isinstance(sample.source, UrlPath)]
    assert len([path for path in images if Path(str(path)).exists()]) <= 2, "images come when they are read"
    end()
