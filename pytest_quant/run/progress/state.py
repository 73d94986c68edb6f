"""From the events of all processes to the jobs that are running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_quant.evaluation.engine.events import BOTH, DropSoFar, Event, ShardDone, Started


@dataclass
class Job:
    """A job that some process is at."""

    model: str
    stage: str
    nets: tuple[str, ...]
    samples: int | None
    """How many there are to do at most; None: not known."""
    since_s: float
    """When it was first heard of, on the clock that `Running.fold` is given."""
    processes: int = 1
    """How many are at it."""
    done: int = 0
    """Samples whose results are there."""
    computed: int = 0
    """How many of them were computed since then; the others were kept from before."""
    hits: dict[str, dict[str, int]] = field(default_factory=dict)
    """Metric to net (and `BOTH`) to how many of the samples are right, of metrics that count such."""
    drop: DropSoFar | None = None
    """Of another metric, that of the most samples."""
    _shards: dict[int, bool] = field(default_factory=dict)

    def rate(self, now_s: float) -> float | None:
        """Samples per second; None before any was computed."""
        elapsed_s = now_s - self.since_s
        return self.computed / elapsed_s if self.computed and elapsed_s > 0 else None

    def left_s(self, now_s: float) -> float | None:
        """How long the rest takes at this rate; None where that is not known."""
        rate = self.rate(now_s)
        return None if rate is None or self.samples is None else max(self.samples - self.done, 0) / rate

    def add(self, shard: ShardDone) -> None:
        """Take note of a shard, of which each process tells that waits for it."""
        known = self._shards.get(shard.shard)
        if shard.computed and not known:
            self.computed += shard.samples
        self._shards[shard.shard] = shard.computed or bool(known)
        if known is None:
            self.done += shard.samples
            self._count(shard.hits)
        if shard.drop is not None and (self.drop is None or shard.drop.samples >= self.drop.samples):
            self.drop = shard.drop

    def _count(self, hits: Mapping[str, Mapping[str, int]]) -> None:
        for metric, counts in hits.items():
            known = self.hits.setdefault(metric, {})
            for net, count in counts.items():
                known[net] = known.get(net, 0) + count

    def flips(self) -> tuple[str, int, int] | None:
        """The first metric that counts hits, with the samples that only the first net, only the other has right."""
        for metric, counts in self.hits.items():
            sides = [count for net, count in counts.items() if net != BOTH]
            if BOTH in counts and len(sides) == 2:
                return metric, sides[0] - counts[BOTH], sides[1] - counts[BOTH]
        return None


class Running:
    """The jobs of a run that have begun and not ended."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], Job] = {}

    def fold(self, event: Event, now_s: float) -> None:
        """Take note of an event; ``now_s``: seconds on any clock that only goes forward."""
        key = event.model, event.stage
        job = self._jobs.get(key)
        if isinstance(event, Started):
            if job is None:
                self._jobs[key] = Job(event.model, event.stage, event.nets, event.samples, now_s)
            else:
                job.processes += 1
        elif job is not None and isinstance(event, ShardDone):
            job.add(event)
        elif job is not None:
            job.processes -= 1
            if job.processes == 0:
                del self._jobs[key]

    def jobs(self) -> list[Job]:
        """One per model: what was begun last."""
        return list({job.model: job for job in self._jobs.values()}.values())
