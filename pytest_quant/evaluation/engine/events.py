"""What an engine tells while it works, to whoever listens in this process or, through files, in another one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

BOTH = "both sides"
"""Beside the names of two nets: the samples that both have right. No net is called so."""


@dataclass(frozen=True)
class Started:
    """A job has begun; processes that share one tell it each."""

    model: str
    stage: str
    samples: int | None
    """How many there are to do at most; None: not known."""
    nets: tuple[str, ...] = ()
    """Those that run; none where the stage says it."""


@dataclass(frozen=True)
class DropSoFar:
    """How much worse the second net scores than the first, on some of the samples that are done.

    For metrics such as AP, which cannot be added up from shards.
    """

    metric: str
    unit: str
    """As `Metric.unit` has it."""
    maximum: float | None
    samples: int
    """How many it is of."""
    drop: float
    """In the metric's own unit."""
    standard_error: float | None
    """For new samples like these; None: not known."""


@dataclass(frozen=True)
class ShardDone:
    """Samples are done; a shard that several processes tell of is one shard."""

    model: str
    stage: str
    shard: int
    samples: int
    computed: bool
    """False: its results were there already."""
    elapsed_s: float
    """Since it was handed out; 0 where it was not computed here."""
    hits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Metric to net to how many of the samples it has right, under `BOTH` both; for metrics that count such."""
    drop: DropSoFar | None = None
    """Now and then, for other metrics: of all samples that this process knows to be done, or of some."""


@dataclass(frozen=True)
class Finished:
    """A job has come to its end, all of its samples done or enough of them."""

    model: str
    stage: str
    computed: int
    """Samples that were computed in this process."""
    cached: int
    """Samples whose results were there already."""
    elapsed_s: float
    stopped_early: bool = False


@dataclass(frozen=True)
class Failed:
    """A job has ended with an error, or was interrupted."""

    model: str
    stage: str
    reason: str


Event = Started | ShardDone | Finished | Failed
Listener = Callable[[Event], None]
"""Is told every event, by the thread that runs the job."""

_KINDS: Mapping[str, type[Started | ShardDone | Finished | Failed]] = {
    "started": Started,
    "shard": ShardDone,
    "finished": Finished,
    "failed": Failed,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_line(event: Event) -> str:
    """An event as one line of JSON."""
    return json.dumps({"event": _NAMES[type(event)], **asdict(event)}, separators=(",", ":")) + "\n"


def from_line(line: str) -> Event:
    """The reverse of `to_line`; raises `ValueError` for a line that is not whole."""
    try:
        values = json.loads(line)
        kind = _KINDS[values.pop("event")]
        if "nets" in values:
            values["nets"] = tuple(values["nets"])
        if values.get("drop") is not None:
            values["drop"] = DropSoFar(**values["drop"])
        return kind(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{line!r} is not an event") from error


class EventFile:
    """A listener that writes events down where the other processes of the run find them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{os.getpid()}.events"

    def __call__(self, event: Event) -> None:
        """Append an event, in one write."""
        with self._file.open("ab", buffering=0) as file:
            file.write(to_line(event).encode())


class EventReader:
    """Reads what the processes of a run wrote down, as it comes in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new(self) -> Iterator[Event]:
        """The events since the last call; those of one process in their order. A line half written waits."""
        for path in sorted(self._folder.glob("*.events")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                whole, end, _ = file.read().rpartition(b"\n")
            self._read[path] = self._read.get(path, 0) + len(whole) + len(end)
            for line in whole.decode(errors="replace").splitlines():
                try:
                    yield from_line(line)
                except ValueError:  # a file that was damaged: progress goes on without that line
                    continue
