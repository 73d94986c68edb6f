"""Kills, damage, full and read-only disks, two runs at once, clocks set back: the next run gives the same report.

Rounds of all kinds, one fault of each after the other, for as long as there is time; most kinds happen once anyway.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from benchmarks.campaign.arena import Arena, Outcome, Running, arena
from benchmarks.campaign.outcome import Budget, Try

MOST_KILLS = 100
_YEARS_NS = 10 * 365 * 86400 * 10**9
_GREETING = "gateway_bootstrap.py"
_IN_TWO = 3.0
"""A run with two workers takes about so many times as long, since each of them loads everything anew."""
_GOLDEN = 0.6180339887
"""Multiples of it, their whole parts left out, lie evenly between 0 and 1 however many there are."""
_HARMLESS = frozenset({"error", "crashed", "missing", "skipped"})
"""What a case may be in the run that is hurt, beside what it is without."""

Fault = Callable[["Ring", int], Iterator[Outcome]]
"""Does something the n-th time; gives the runs that went on meanwhile, or were hurt."""


class Ring:
    """Where faults happen, and what is right there."""

    def __init__(self, place: Arena, budget: Budget) -> None:
        self.arena = place
        self.random = budget.random
        self._budget = budget
        start = time.monotonic()
        self.right = place.run()
        self.cold_s = time.monotonic() - start
        start = time.monotonic()
        place.run()
        self.warm_s = time.monotonic() - start
        self._spread = self.random.random()
        if self.right.report is None or not self.right.verdicts:
            raise RuntimeError(f"the undisturbed run gives no report:\n{self.right.said}")

    @cached_property
    def cold_in_two_s(self) -> float:
        """How long a run with two workers takes; measured where many of them are to be hurt."""
        if self._budget.times is None:
            return _IN_TWO * self.cold_s
        self.arena.forget()
        start = time.monotonic()
        self.arena.run("-n2")
        return time.monotonic() - start

    def moment(self, all_s: float) -> float:
        """Some time within a run of so many seconds; the moments of many faults are spread evenly over it."""
        self._spread = (self._spread + _GOLDEN) % 1.0
        return self._spread * all_s

    def judge(self, kind: str, fault: Fault, number: int) -> Try:
        """Let a fault happen, run again, and compare."""
        hurt = list(fault(self, number))
        after = self.arena.run()
        for outcome, problem in [*((one, self._hurt(one)) for one in hurt), (after, self._after(after))]:
            if outcome.status is None:
                return Try(kind, "hang", outcome.said[-300:])
            if _has_traceback(outcome.said):
                return Try(kind, "traceback", outcome.said[-1500:])
            if problem is not None:
                return Try(kind, "wrong", problem)
        told = {verdict for one in hurt for verdict in one.verdicts.values()}
        return Try(kind, "crashed" if "crashed" in told else "error" if told & _HARMLESS else "fine")

    def _hurt(self, outcome: Outcome) -> str | None:
        """What is wrong with the report of a run that was hurt: no verdict may be another than without."""
        for case, verdict in outcome.verdicts.items():
            if verdict != self.right.verdicts.get(case) and verdict not in _HARMLESS:
                return f"while it was hurt, {case} was {verdict}"
        is_dead = outcome.status is not None and outcome.status < 0
        return None if outcome.verdicts or is_dead or outcome.status else "it ended well without a report"

    def _after(self, outcome: Outcome) -> str | None:
        if outcome.comparable != self.right.comparable:
            differing = {case for case, verdict in outcome.verdicts.items() if verdict != self.right.verdicts.get(case)}
            return f"the run after it gives another report: {differing or outcome.said[-600:]}"
        leftovers = self.arena.leftovers()
        return f"left over: {leftovers}" if leftovers else None


def _has_traceback(said: str) -> bool:
    """Whether there is one that is not pytest-xdist's own: it has one for a worker that dies before it has greeted."""
    is_there = "INTERNALERROR" in said or "Traceback (most recent call last)" in said
    return is_there and not (_GREETING in said and "pytest_quant" not in said.partition("INTERNALERROR")[2])


class MissedError(Exception):
    """The run had ended before the fault reached it."""


def kill_group(ring: Ring, number: int, *options: str) -> Iterator[Outcome]:
    """SIGKILL for all processes of a run, at some moment; every other time from an empty cache."""
    if number % 2 == 0:
        ring.arena.forget()
    all_s = ring.cold_in_two_s if options else ring.cold_s
    running = ring.arena.start(*options)
    time.sleep(ring.moment(all_s if number % 2 == 0 or options else ring.warm_s))
    running.kill_group()
    outcome = ring.arena.end(running)
    if outcome.status != -signal.SIGKILL:
        raise MissedError
    yield outcome


def kill_worker(ring: Ring, number: int) -> Iterator[Outcome]:
    """SIGKILL for one of two workers."""
    all_s = ring.cold_in_two_s
    ring.arena.forget()
    running = ring.arena.start("-n2")
    yield _without_a_child(ring, running, ring.moment(all_s))


def kill_child(ring: Ring, number: int) -> Iterator[Outcome]:
    """SIGKILL for the child in which a run loads nets first, at once or while it lives."""
    ring.arena.forget()
    running = ring.arena.start()
    yield _without_a_child(ring, running, ring.moment(ring.cold_s / 2))


def _without_a_child(ring: Ring, running: Running, delay_s: float) -> Outcome:
    """Kill the first child so long after it began; what came of the run."""
    end = time.monotonic() + 5.0
    while not running.children() and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(delay_s)
    children = running.children()
    is_hit = bool(children) and _is_killed(children[0])
    outcome = ring.arena.end(running)
    if not is_hit:
        raise MissedError
    return outcome


def _is_killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def damage(ring: Ring, number: int, *, kind: str, how: str) -> Iterator[Outcome]:
    """Damage all files of a kind."""
    for path in list(ring.arena.cache.rglob(kind)):
        if not path.is_file() or not path.stat().st_size:
            continue
        data = bytearray(path.read_bytes())
        if how == "folder":
            path.unlink()
            path.mkdir()
        elif how == "cut":
            path.write_bytes(data[: len(data) // 2])
        else:
            place = {"header": 0, "middle": len(data) // 2, "end": len(data) - 1}[how]
            data[place] ^= 1 << ring.random.randrange(8)
            path.write_bytes(data)
    yield from ()


def quota(ring: Ring, number: int) -> Iterator[Outcome]:
    """A bound on the size of any file that a run writes: 0, then more."""
    ring.arena.forget()
    yield ring.arena.run(most_bytes=1 + 512 * (number % 8))


@contextmanager
def _mounted(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)  # noqa: S607
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


def full_disk(ring: Ring, number: int, *, where: str) -> Iterator[Outcome]:
    """A disk with room for a few files, as the cache or as the folder of the run."""
    disk = ring.arena.root / "disk"
    with _mounted(disk, f"{4 + 8 * (number % 6)}k"):
        yield ring.arena.run(**{where: disk})
    ring.arena.forget()


def read_only(ring: Ring, number: int, *, where: str) -> Iterator[Outcome]:
    """A disk that takes nothing, with or without what a run has kept on it before."""
    disk = ring.arena.root / "disk"
    with _mounted(disk, "10m"):
        if number % 2:
            shutil.copytree(ring.arena.cache, disk, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: S607
        yield ring.arena.run(**{where: disk})


def two_at_once(ring: Ring, number: int) -> Iterator[Outcome]:
    """Two runs with one cache; every other time one of them is killed."""
    ring.arena.forget()
    one, two = ring.arena.start(), ring.arena.start()
    if number % 2:
        time.sleep(ring.moment(ring.cold_s))
        one.kill_group()
    yield ring.arena.end(one)
    yield ring.arena.end(two)


def clock(ring: Ring, number: int, *, years_ns: int) -> Iterator[Outcome]:
    """All that is kept is from a time far ahead, as after a clock that was set back, or long ago; the cache is full."""
    now_ns = time.time_ns()
    for path in ring.arena.cache.rglob("*"):
        os.utime(path, ns=(now_ns + years_ns, now_ns + years_ns))
    yield ring.arena.run("--quant-cache-size", "0.000001")


def may_mount(folder: Path) -> bool:
    """Whether this user may mount a small disk in memory."""
    try:
        with _mounted(folder, "4k"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@dataclass(frozen=True)
class _Planned:
    """A kind of fault."""

    kind: str
    fault: Fault
    most: int = MOST_KILLS
    """How often it happens at most."""
    is_short: bool = True
    """Whether it happens once even where there is no time."""


def _faults(place: Arena) -> Iterator[_Planned]:
    yield _Planned("SIGKILL, the group, serial", kill_group)
    yield _Planned("SIGKILL, the child", kill_child)
    yield _Planned("two runs at once", two_at_once)
    yield _Planned("quota", quota)
    yield _Planned("clock set back", partial(clock, years_ns=_YEARS_NS))
    yield _Planned("clock set ahead", partial(clock, years_ns=-_YEARS_NS))
    if may_mount(place.root / "disk"):
        for where in ("cache", "tmp"):
            yield _Planned(f"full disk, {where}", partial(full_disk, where=where))
            yield _Planned(f"read-only, {where}", partial(read_only, where=where))
    yield _Planned("SIGKILL, one worker of -n2", kill_worker)
    yield _Planned("SIGKILL, the group, -n2", lambda ring, number: kill_group(ring, number, "-n2"), is_short=False)
    for how in ("header", "middle", "end", "cut", "folder"):
        everything = partial(damage, kind="*", how=how)
        yield _Planned(f"damage, everything, {how}", everything, is_short=how in ("header", "folder"))
        for kind in ("*.shard", "*.stamps", "*.discordance", "*.bin", "*.param", "*.table", "digests"):
            yield _Planned(f"damage, {kind}, {how}", partial(damage, kind=kind, how=how), most=3, is_short=False)


def attack(budget: Budget) -> Iterator[Try]:
    """Most kinds once, then all while there is time; or each so often as is asked for."""
    with arena(is_small=budget.is_small) as place:
        ring = Ring(place, budget)
        planned = [one for one in _faults(place) if budget.wants(one.kind)]
        done: Counter[str] = Counter()
        for number in range(2 * (budget.times or MOST_KILLS)):
            for one in planned:
                if _is_due(one, number, done[one.kind], budget):
                    with suppress(MissedError):
                        yield ring.judge(one.kind, one.fault, number)
                        done[one.kind] += 1


def _is_due(one: _Planned, number: int, done: int, budget: Budget) -> bool:
    if budget.times is not None:
        return done < budget.times
    return done < one.most and (budget.is_left or (number == 0 and one.is_short))
