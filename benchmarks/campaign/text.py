"""Mutants of everything that is read: each is read, or refused by a message, in a bounded time."""

from __future__ import annotations

import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from benchmarks.campaign.chance import Chance
from benchmarks.campaign.engines import Target, explored
from benchmarks.campaign.mutants import mutated_bytes, mutated_text
from benchmarks.campaign.net_readers import net_readers
from benchmarks.campaign.outcome import Budget, Try
from benchmarks.campaign.readers import Reader, text_readers
from benchmarks.campaign.result_readers import result_readers
from benchmarks.campaign.sample_readers import sample_readers
from pytest_quant.spec.errors import InternalError, QuantError

_LIMIT_S = 10
"""For one file, whose sound form is read in milliseconds."""


class _OverdueError(BaseException):
    """A reader has had its time; no handler of the project takes it for an error of a file."""


def attack(budget: Budget) -> Iterator[Try]:
    """One mutant of each kind after the other, while there is time."""
    with tempfile.TemporaryDirectory() as folder:
        readers = [reader for reader in all_readers(Path(folder)) if budget.wants(reader.kind)]
        for reader in readers:
            yield from (_read(reader, data) for data in reader.known)
            found = _read(reader, reader.sound)
            yield found if found.outcome == "fine" else Try(reader.kind, "wrong", f"sound, but: {found.what}")
        yield from explored("text", [_target(reader) for reader in readers], budget)


def all_readers(folder: Path) -> list[Reader]:
    """A reader of each kind, with its files in ``folder``."""
    return [*text_readers(folder), *net_readers(folder), *sample_readers(folder), *result_readers(folder)]


def targets(folder: Path) -> list[Target]:
    """A kind of mutant for each reader, whose files lie in ``folder``."""
    return [_target(reader) for reader in all_readers(folder)]


def _target(reader: Reader) -> Target:
    def attempt(chance: Chance) -> Try:
        found = _read(reader, _mutant(reader.sound, chance))
        reader.path.write_bytes(reader.sound)
        return found

    return Target(reader.kind, attempt)


def _mutant(data: bytes, chance: Chance) -> bytes:
    if chance.randrange(10) >= 7:
        return mutated_bytes(data, chance)
    text = data.decode("utf-8", errors="surrogateescape")
    return mutated_text(text, chance).encode("utf-8", errors="surrogateescape")


def _read(reader: Reader, data: bytes) -> Try:
    reader.path.write_bytes(data)
    try:
        with _limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read()
    except InternalError as error:
        return Try(reader.kind, "traceback", f"{_first_words(str(error))}; of {_described(data)}")
    except QuantError as error:
        return Try(reader.kind, "refused", str(error))
    except _OverdueError:
        return Try(reader.kind, "hang", _described(data))
    except Exception:
        return Try(reader.kind, "traceback", f"{_last_words()}; of {_described(data)}")
    return Try(reader.kind, "fine")


def _first_words(text: str) -> str:
    lines = text.splitlines()
    return f"{lines[0]} ... {lines[-1]}"[:300]


def _last_words() -> str:
    """Where the exception that is being handled was raised in this project, and what it says."""
    lines = [line.strip() for line in traceback.format_exc().splitlines()]
    own = [line for line in lines if line.startswith("File ") and "pytest_quant" in line]
    place = own[-1].rpartition("pytest_quant/")[2] if own else "not here"
    return f"{place}: {lines[-1][:200]}"


def _described(data: bytes) -> str:
    text = repr(data)
    return text if len(text) < 500 else f"{text[:300]} ... {text[-100:]} ({len(data)} bytes)"


@contextmanager
def _limited() -> Iterator[None]:
    def overdue(_signal: int, _frame: FrameType | None) -> None:
        raise _OverdueError

    before = signal.signal(signal.SIGALRM, overdue)
    signal.alarm(_LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
