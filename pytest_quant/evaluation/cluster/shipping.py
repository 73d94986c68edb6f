"""A job as it is sent to workers: its files go by content, and the paths in it become those of the worker."""

from __future__ import annotations

import io
import pickle
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_quant.datasets.remote import UrlPath
from pytest_quant.evaluation.cluster.worker_files import placed, worker_trials
from pytest_quant.evaluation.digests import sha256_file
from pytest_quant.evaluation.engine.elsewhere import AnyWork, Parcel
from pytest_quant.evaluation.evaluate import PredictionWork
from pytest_quant.evaluation.trials import Trials
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import shown

_ZOO = ".quant.yaml"
"""A file that is named in messages and never read there."""


@dataclass(frozen=True)
class Shipment:
    """A parcel, and the files that it takes."""

    parcel: Parcel
    files: Mapping[str, str]
    """Relative path in the worker's folder to digest."""
    sources: Mapping[str, Path]
    """Digest to a file here."""

    @classmethod
    def of(cls, work: AnyWork, limit_s: float | None) -> Shipment:
        """Raises `ConfigError` for work that does not pickle, `ModelFileError` for a file that is gone."""
        wanted = dict(work.loaded) if isinstance(work, PredictionWork) else None
        job, found = uuid.uuid4().hex, list[_Shipping]()

        def pickled(value: object) -> bytes:
            buffer = io.BytesIO()
            shipping = _Shipping(buffer, job, None if wanted is None else wanted.keys())
            shipping.dump(value)
            found.append(shipping)
            return buffer.getvalue()

        parcel = Parcel.of(work, limit_s, pickled, job)
        digests = {path: (wanted or {}).get(path) or _digest(path) for path in found[-1].paths}
        return cls(
            parcel=parcel,
            files={_name(path): digest for path, digest in digests.items()},
            sources={digest: path for path, digest in digests.items()},
        )

    def content(self, digest: str) -> bytes:
        """A file's content, read now; raises `ModelFileError` where it is another one by now."""
        path = self.sources[digest]
        try:
            if sha256_file(path) == digest:
                return path.read_bytes()
        except OSError as error:
            raise ModelFileError(f"{shown(path)}: cannot be read: {error.strerror}") from error
        raise ModelFileError(f"{shown(path)} was replaced while the run was on; run again")


class _Shipping(pickle.Pickler):
    """Pickles for a worker: paths of model files become those of the worker, datasets lie at the same place there."""

    def __init__(self, buffer: io.BytesIO, job: str, wanted: Collection[Path] | None) -> None:
        """``job``: names the job on workers; ``wanted``: the files that go; None: every file that is named."""
        super().__init__(buffer)
        self._job = job
        self.paths: dict[Path, None] = {}
        self._wanted = wanted

    def reducer_override(self, value: object) -> Any:
        """What stands for a value; see `pickle.Pickler`."""
        if isinstance(value, Trials):
            return worker_trials, (value.limit_s,)
        if isinstance(value, DatasetSpec):
            return pickle.loads, (pickle.dumps(value),)
        if isinstance(value, UrlPath):
            return NotImplemented  # the worker fetches it
        if isinstance(value, Path) and self._goes(value):
            self.paths[value] = None
            return placed, (self._job, _name(value))
        return NotImplemented

    def _goes(self, path: Path) -> bool:
        if self._wanted is not None:
            return path in self._wanted
        return path.is_file() and not path.name.endswith(_ZOO)


def _name(path: Path) -> str:
    """Where a file lies in a worker's folder: files beside each other here are beside each other there."""
    absolute = path.absolute()
    return absolute.relative_to(absolute.anchor).as_posix()


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise ModelFileError(f"{shown(path)}: cannot be read: {error.strerror}") from error
