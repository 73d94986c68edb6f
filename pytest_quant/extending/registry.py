"""One registry for everything that has a name in a zoo file or chooses a report: built-in things and users' alike."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_quant.extending import checks
from pytest_quant.extending.shelf import BUILT_IN, Origin, Shelf, imported
from pytest_quant.extending.versions import version_of
from pytest_quant.spec.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pytest_quant.datasets.base import Dataset
    from pytest_quant.nets.format import NetFormat
    from pytest_quant.spec.dataset import DatasetSpec
    from pytest_quant.tasks.base import Task

Writer = Callable[[Any, Path], None]
"""Writes a report to a path: `write(report, path)`."""


@dataclass(frozen=True)
class Plugin:
    """Who has registered things, as another process finds it."""

    origin: Origin
    module: str
    """The name under which its classes pickle; empty for an object that is no module."""
    file: Path | None
    """Its source; None for one that is imported by its name."""


@dataclass(frozen=True)
class DatasetType:
    """A dataset type: the keys of its declaration, and how one is opened."""

    options: type[BaseModel]
    open: Callable[[DatasetSpec], Dataset]


@dataclass(frozen=True)
class Registry:
    """Takes tasks, dataset types, net formats and report writers; a taken name is an error that names both sides.

    Each thing is an object, or a string ``"module:object"`` that is imported when the thing is first asked for.

    >>> registry = Registry()
    >>> registry.report(".txt", "json:dumps")
    >>> registry.reports.get(".txt").__name__
    'dumps'
    """

    origin: Origin = BUILT_IN
    tasks: Shelf[Task] = field(default_factory=lambda: Shelf("task"))
    datasets: Shelf[DatasetType] = field(default_factory=lambda: Shelf("dataset type"))
    net_formats: Shelf[NetFormat] = field(default_factory=lambda: Shelf("net format"))
    reports: Shelf[Writer] = field(default_factory=lambda: Shelf("report writer"))
    suited: dict[str, frozenset[str]] = field(default_factory=dict)
    """Dataset type to the tasks that take it beside those that say so themselves."""
    asked: dict[str, Plugin] = field(default_factory=dict)
    """Whose hook has been called, by `Origin.by`."""

    def by(self, origin: Origin) -> Registry:
        """The same registry for what somebody else registers."""
        return replace(self, origin=origin)

    def task(self, task: Task | str, name: str | None = None) -> None:
        """Register a task; ``name`` is needed with a string and else the task's own.

        Raises `ConfigError` for a name that is taken and for a task that lacks something, such as metrics.
        """
        if isinstance(task, str):
            named = self._named("task", name)
        else:
            checks.check_task(task, self.origin)
            named = task.name
        self.tasks.put(
            named, self._origin_of(task), lambda: checks.check_task(self._loaded(task), self.origin), _name(task)
        )

    def dataset(
        self,
        name: str,
        options: type[BaseModel] | str,
        open_dataset: Callable[[DatasetSpec], Dataset] | str,
        *,
        tasks: Collection[str] = (),
    ) -> None:
        """Register a dataset type, the ``type`` of a dataset in a zoo file.

        Args:
            name: What the zoo file says.
            options: The pydantic model of its keys; fields of type `Path` are resolved against the zoo file.
            open_dataset: Gives a `Dataset`; ``spec.options`` is an instance of ``options``.
            tasks: Tasks of others that take it, such as ``classification``; its truth is then in their form.

        """

        def load() -> DatasetType:
            found = DatasetType(self._loaded(options), self._loaded(open_dataset))
            return checks.check_dataset(self._named("dataset type", name), found, self.origin)

        if not isinstance(options, str) and not isinstance(open_dataset, str):
            load()
        self.datasets.put(self._named("dataset type", name), self._origin_of(open_dataset), load, _name(open_dataset))
        self.suited[name] = frozenset(tasks)

    def net_format(self, name: str, net_format: object) -> None:
        """Register a net format, such as ``mnn`` for ``int8: {mnn: model.mnn}``.

        ``net_format``: a `pytest_quant.nets.format.NetFormat`, or its class, of which one object is made.
        """
        named = self._named("net format", name)

        def load() -> NetFormat:
            return checks.check_net_format(named, self._loaded(net_format), self.origin)

        if not isinstance(net_format, str):
            load()
        self.net_formats.put(named, self._origin_of(net_format), load, _name(net_format))

    def report(self, suffix: str, writer: Writer | str) -> None:
        """Register a report writer for files that end in ``suffix``, such as ``.xlsx``.

        ``writer(report, path)`` writes the report, which holds what the JSON report has, to the path.
        """
        if not suffix.startswith(".") or len(suffix) < 2:
            raise ConfigError(
                f"{self.origin.by} registers the report writer {suffix!r}, expected a suffix like '.xlsx'"
            )
        if not isinstance(writer, str):
            checks.check_callable("report writer", suffix, writer, self.origin)
        self.reports.put(
            suffix,
            self._origin_of(writer),
            lambda: checks.check_callable("report writer", suffix, self._loaded(writer), self.origin),
        )

    def registered_by(self, *, task: str, dataset: str, net_format: str) -> dict[str, object]:
        """Who registered a task, a dataset type and a net format, and their versions: part of every cache key."""
        origins = {
            "task": self.tasks.origin(task),
            "dataset": self.datasets.origin(dataset),
            "net_format": self.net_formats.origin(net_format),
        }
        return {kind: [origin.by, origin.version] for kind, origin in origins.items() if origin != BUILT_IN}

    def _named(self, kind: str, name: str | None) -> str:
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{self.origin.by} registers a {kind} with the name {name!r}, expected some text")
        return name

    def _loaded(self, thing: object) -> Any:
        return imported(thing, self.origin) if isinstance(thing, str) else thing

    def _origin_of(self, thing: object) -> Origin:
        """The origin with the version of the thing; that of one which is not loaded yet comes later."""
        if self.origin == BUILT_IN or isinstance(thing, str):
            return self.origin
        return Origin(self.origin.by, f"{self.origin.version} {version_of(thing)}".strip())


def _name(thing: object) -> str:
    """Where a thing is found that is registered by name; empty for one that is there."""
    return thing if isinstance(thing, str) else ""
