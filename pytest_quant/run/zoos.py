"""The zoo files of a run, each read once, and whose the names of models are."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from pytest_quant.evaluation.kept_facts import KeptFacts
from pytest_quant.run.loading import nothing_collected
from pytest_quant.spec.errors import ConfigError, InternalError, ZooError
from pytest_quant.spec.text import encodable, relative_posix, shown
from pytest_quant.zoo.placement import Placement
from pytest_quant.zoo.reader import Zoo, read_zoo


class Zoos:
    """Those of one process."""

    def __init__(
        self,
        rootdir: Path,
        max_tolerance_pct: float,
        placement: Placement | None = None,
        facts: KeptFacts | None = None,
    ) -> None:
        """``max_tolerance_pct``: share of a metric's range from which on a tolerance is refused, in percent.

        ``placement`` says which nets run on which machine; None: all on this one, unless their entries say otherwise.
        ``facts``: what earlier runs found in the files of nets.
        """
        self._placement = placement
        self._facts = facts
        self._rootdir = rootdir
        self._max_tolerance_pct = max_tolerance_pct
        self._read: dict[Path, Zoo | ZooError | InternalError] = {}
        self._owner: dict[str, Path] = {}

    def read(self, path: Path) -> Zoo:
        """A zoo file; raises `ZooError` or `InternalError`, each time."""
        if path not in self._read:
            try:
                facts = nullcontext() if self._facts is None else self._facts.of_zoo(self.id_of(path))
                with nothing_collected(), facts:
                    zoo = read_zoo(path, max_tolerance_pct=self._max_tolerance_pct)
                self._read[path] = zoo if self._placement is None else self._placement.of_zoo(zoo)
            except (ZooError, InternalError) as error:
                self._read[path] = error
        found = self._read[path]
        if isinstance(found, (ZooError, InternalError)):
            raise found
        return found

    def claim_name(self, name: str, path: Path) -> None:
        """Model names are unique in a run; raises `ConfigError` naming both files."""
        owner = self._owner.setdefault(name, path)
        if owner != path:
            raise ConfigError(
                f"{shown(path)}: models.{name}: {shown(owner)} has a model of this name too; rename one of them, "
                "or run the two files apart"
            )

    def id_of(self, path: Path) -> str:
        """A zoo file as node ids name it; a name that is not UTF-8 in escapes, since every report has it."""
        return encodable(relative_posix(path, self._rootdir))
