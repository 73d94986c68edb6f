"""Zoo files as pytest sees them: a file of models, each a collector of cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_quant.plugin.state import RECORDS, active_run
from pytest_quant.spec.errors import ConfigError, InternalError, QuantError, QuantWarning, ZooError
from pytest_quant.spec.text import for_system, relative_posix, shown, visible

if TYPE_CHECKING:
    from pytest_quant.run.records import RunCase
    from pytest_quant.spec.limit import Kind, Limit
    from pytest_quant.spec.model import ModelSpec
    from pytest_quant.zoo.reader import BrokenModel

NOT_ENABLED = "accuracy cases run with --quant"


class ZooFile(pytest.File):
    """A ``*.quant.yaml`` file; read only when accuracy cases are to run."""

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path) -> ZooFile:
        """The file at ``path``; pytest prints its id, so one that would do more than stand there is escaped.

        Half a surrogate pair, which a name that is not UTF-8 gives, even ends the run when pytest writes its cache.
        """
        plain = relative_posix(path, parent.config.rootpath)
        escaped = visible(plain)
        if escaped == plain:
            file: ZooFile = cls.from_parent(parent, path=path)
        else:
            nodeid = escaped.replace("::", r"\x3a\x3a")
            file = cls.from_parent(parent, path=path, nodeid=nodeid, name=nodeid.rpartition("/")[2])
        return file

    @property
    def shown_path(self) -> Path:
        """Where it stands, as pytest may print it."""
        return self.config.rootpath / self.nodeid

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """One failing item for what is wrong with the file, then its models; without ``--quant`` one skipped item."""
        run = active_run(self.config)
        if run is None:
            yield NotEnabled.from_parent(self, name="quant")
            return
        from pytest_quant.spec.internal import told_as_internal

        try:
            with told_as_internal(shown(self.path)):
                zoo = run.zoos.read(self.path)
        except (ZooError, InternalError) as error:
            yield self._problem(str(error))
            return
        if zoo.problems:
            yield self._problem("\n".join(zoo.problems))
        for model in zoo.models:
            yield ModelNode.from_parent(self, name=for_system(visible(model.name)), model=model)

    def _problem(self, message: str) -> ProblemItem:
        from pytest_quant.zoo.reader import line_in

        line = line_in(message, self.path) or 1
        item: ProblemItem = ProblemItem.from_parent(
            self, name="zoo", kind="zoo", model=None, message=message, line=line
        )
        return item


class ModelNode(pytest.Collector):
    """A model of a zoo file."""

    def __init__(self, *, model: ModelSpec | BrokenModel, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def collect(self) -> Iterator[pytest.Item]:
        """One item per limit; one failing item when the entry cannot be used."""
        from pytest_quant.spec.internal import told_as_internal
        from pytest_quant.zoo.reader import BrokenModel

        run, model = active_run(self.config), self.model
        assert run is not None, "models are collected only when accuracy cases are to run"  # noqa: S101
        if isinstance(model, BrokenModel):
            yield self._problem(model.message)
            return
        try:
            run.zoos.claim_name(model.name, model.zoo)
        except ConfigError as error:
            yield self._problem(str(error))
            return
        try:
            with told_as_internal(f"{model.zoo.name}: models.{model.name}"):
                limits = run.limits(model)
        except InternalError as error:
            yield self._problem(str(error))
            return
        for limit in limits:
            # Given whole: pytest 9.2 else takes the bracket for a part of the name, and --lf would not find the case.
            nodeid = f"{self.nodeid}::{limit.name}"
            yield CaseItem.from_parent(self, name=limit.name, nodeid=nodeid, model=model, limit=limit)

    def _problem(self, message: str) -> ProblemItem:
        item: ProblemItem = ProblemItem.from_parent(
            self, name="config", kind="config", model=self.model.name, message=message, line=self.model.line
        )
        return item


class _QuantItem(pytest.Item):
    """What the items of a zoo file have in common."""

    def __init__(self, *, line: int = 1, **kwargs: Any) -> None:
        """``line``: where in its file it stands, counted from 1."""
        super().__init__(**kwargs)
        self.line = line
        self.add_marker(pytest.mark.quant)

    def _initrequest(self) -> None:
        """Nothing: an item without fixtures has no request. pytest-retry calls this of every item that has failed."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the item stands: file, line counted from 0, and the name in headings."""
        chain = self.listchain()
        names = [node.name for node in chain if isinstance(node, (ModelNode, pytest.Item))]
        file = next((node.shown_path for node in chain if isinstance(node, ZooFile)), self.path)
        return file, self.line - 1, "::".join(names)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A message for what is the user's to mend, a traceback for anything else."""
        from pytest_quant.run.failures import told
        from pytest_quant.run.outcomes import LimitBroken

        # A warning of ours that the user's filters turn into an error.
        if isinstance(excinfo.value, (QuantError, LimitBroken, QuantWarning)):
            return told(self, excinfo, visible(str(excinfo.value), lines=True))
        return super().repr_failure(excinfo, style)


class CaseItem(_QuantItem):
    """One limit of one model."""

    def __init__(self, *, model: ModelSpec, limit: Limit, **kwargs: Any) -> None:
        super().__init__(line=model.line_of(limit), **kwargs)
        from pytest_quant.run.outcomes import LimitBroken
        from pytest_quant.run.records import limit_case

        self.model = model
        self.limit = limit
        self.planned: Sequence[RunCase] = (limit_case(self.nodeid, model.name, limit),)
        reason = model.xfail.get(limit.name)
        if reason is not None:
            self.add_marker(pytest.mark.xfail(reason=visible(reason), raises=LimitBroken, strict=True))

    def runtest(self) -> None:
        """Decide the limit; fails with the formula and its values."""
        from pytest_quant.run.outcomes import LimitBroken, conclude

        run = active_run(self.config)
        assert run is not None, "cases are collected only when accuracy cases are to run"  # noqa: S101
        decided = run.decider.decide(self.model, self.limit, self.planned[0])
        records = self.stash.setdefault(RECORDS, [])
        message = conclude(decided, records, strict=run.settings.strict, place=(self.path, self.line))
        if message is not None:
            raise LimitBroken(message)


class ProblemItem(_QuantItem):
    """Something that the user must mend first; fails with the message."""

    def __init__(self, *, kind: Kind, model: str | None, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        from pytest_quant.run.records import planned_case

        self.message = message
        self.planned: Sequence[RunCase] = (planned_case(self.nodeid, model, kind),)

    def runtest(self) -> None:
        """Fail with the message."""
        self.stash.setdefault(RECORDS, []).append(self.planned[0].record("error", "failed", self.message))
        raise ConfigError(self.message)


class NotEnabled(_QuantItem):
    """Stands for a zoo file that was not read."""

    planned: Sequence[RunCase] = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_marker(pytest.mark.skip(reason=NOT_ENABLED))

    def runtest(self) -> None:
        """Never runs: the item is marked as skipped."""
        pytest.skip(NOT_ENABLED)
