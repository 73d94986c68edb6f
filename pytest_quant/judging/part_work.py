"""One part of an evaluation: what the limits need is computed and kept; none of them is decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.parts.carrying import PROBES, Carrier, dataset_content
from pytest_quant.evaluation.parts.content import Content
from pytest_quant.evaluation.parts.replay import dataset_name, model_name
from pytest_quant.evaluation.probes import NotedProbes
from pytest_quant.judging.limits.base import judged
from pytest_quant.judging.part_subject import PartSubject
from pytest_quant.judging.subject import Subject
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.part import Part

_MODELS, _DATASETS = "models", "datasets"


class PartWork:
    """That of one process; what it computes is kept in a folder that the run's processes share."""

    def __init__(
        self, part: Part, root: Path, folder: Path, probes: NotedProbes, subject: Callable[[ModelSpec], Subject]
    ) -> None:
        """``root``: names of zoo files are relative to it; ``subject``: a model as it is in the whole evaluation."""
        self.part = part
        self._root = root
        self._folder = folder
        self._probes = probes
        self._subject = subject
        self._carriers: dict[str, Carrier] = {}

    def do(self, model: ModelSpec, limit: Limit) -> None:
        """Compute what deciding a limit takes; raises the `QuantError` that is in the way."""
        if limit.needs_dataset and not judged(limit).is_decided_in_parts:
            self._gather(model, limit.name, judged(limit).gather)

    def _gather(self, model: ModelSpec, what: str, gather: Callable[[PartSubject], None]) -> None:
        carrier = self._carrier(model)
        subject = PartSubject(carrier, self._subject(model))
        gather(subject)
        noted = self._probes.noted.get((str(model.zoo), model.name), {})
        items = {**subject.items, f"{PROBES} of {what}": dict(noted)} if noted else subject.items
        common = carrier.common()
        content = common.completed(Content.of(common.digests, items))
        self._keep(_MODELS, model_name(model, self._root), what, content)

    @property
    def reason(self) -> str:
        """Why nothing is decided."""
        return f"{self.part}: pytest-quant merge decides"

    def measure(self, model: ModelSpec) -> None:
        """Compute what the scores of a model take; raises like `do`."""
        self._gather(model, "scores", lambda subject: subject.predictions("int8"))

    def _carrier(self, model: ModelSpec) -> Carrier:
        name = model_name(model, self._root)
        if name not in self._carriers:
            bench = self._subject(model).bench
            found = Carrier(bench, model, self.part)
            content = dataset_content(bench, found.model, self.part)
            self._keep(_DATASETS, dataset_name(found.model.dataset, self._root), "", content)
            self._carriers[name] = found
        return self._carriers[name]

    def _keep(self, kind: str, name: str, what: str, content: Content) -> None:
        replace_file(self._folder / kind / f"{sha256_json([name, what])}.json", _Named(name, content).text.encode())


class _Named:
    """What one process carries of one thing, as a file."""

    def __init__(self, name: str, content: Content) -> None:
        self.name = name
        self.content = content

    @property
    def text(self) -> str:
        """The name in the first line, as JSON: it comes from a file, and may hold line feeds."""
        return f"{json.dumps(self.name)}\n{self.content.model_dump_json()}"

    @classmethod
    def read(cls, path: Path) -> _Named:
        """The reverse of `text`."""
        name, _, rest = path.read_text(encoding="utf-8").partition("\n")
        return cls(json.loads(name), Content.model_validate_json(rest))


def kept_models(folder: Path) -> dict[str, Content]:
    """What all processes of a run carry of each model, by its name."""
    return _kept(folder / _MODELS)


def kept_datasets(folder: Path) -> dict[str, Content]:
    """The same of each dataset."""
    return _kept(folder / _DATASETS)


def _kept(folder: Path) -> dict[str, Content]:
    found: dict[str, Content] = {}
    for one in map(_Named.read, sorted(folder.glob("*.json"))):
        known = found.get(one.name)
        found[one.name] = one.content if known is None else known.completed(one.content)
    return dict(sorted(found.items()))
