"""``pytest-quant cache``: what the cache holds, and making it smaller."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.types import SubParsers
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import aligned, shown

if TYPE_CHECKING:
    from pytest_quant.evaluation.kept import Kept

_DEFAULT = Path(".pytest_cache") / "d" / "quant"
_GB = 1e9
_DAY_NS = 86400 * 10**9


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "cache",
        help="Show what is kept between runs, or remove it",
        usage="pytest-quant cache [DIR] | pytest-quant cache prune [DIR] (--size GB | --older DAYS | --all)",
        description="Show what a cache holds: kinds, sizes, and when each was last used. `prune` removes what was not "
        "used for longest. A run keeps the bound of --quant-cache-size by itself.",
    )
    parser.add_argument("words", nargs="*", metavar="[prune] [DIR]", help=f"The cache (default: {_DEFAULT})")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--size", type=float, metavar="GB", help="Keep at most so much")
    amount.add_argument("--older", type=float, metavar="DAYS", help="Remove what was not used for so many days")
    amount.add_argument("--all", action="store_true", help="Remove everything")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a table, or what was removed."""
    words = list(args.words)
    is_prune = words[:1] == ["prune"]
    if is_prune:
        words.pop(0)
    if len(words) > 1:
        raise ConfigError(f"found {words}, expected one folder")
    cache = Path(words[0]) if words else _DEFAULT
    if not cache.is_dir():
        raise ConfigError(f"{shown(cache)} is not a folder; name the one that --quant-cache was given")
    if is_prune:
        return _prune(cache, args)
    if args.all or args.size is not None or args.older is not None:
        raise ConfigError("--size, --older and --all go with `pytest-quant cache prune`")
    _show(cache)
    return 0


def _show(cache: Path) -> None:
    from pytest_quant.evaluation.kept import KINDS, everything

    kept = everything(cache)
    by_kind = [(kind, [one for one in kept if one.kind == kind]) for kind in KINDS]
    rows = [_row(kind, found) for kind, found in by_kind]
    for line in aligned([("kind", "count", "MB", "last used", "oldest"), *rows, _row("all", kept)], left=1):
        print(line)


def _row(name: str, kept: Sequence[Kept]) -> tuple[str, ...]:
    from pytest_quant.evaluation.kept import total_bytes

    if not kept:
        return (name, "0", "0.00", "-", "-")
    used = [one.used_ns for one in kept]
    return (name, str(len(kept)), f"{total_bytes(kept) / 1e6:.2f}", _age(max(used)), _age(min(used)))


def _age(used_ns: int) -> str:
    days = max(0, time.time_ns() - used_ns) / _DAY_NS
    return f"{days:.0f} days ago" if days >= 2 else f"{24 * days:.1f} hours ago"


def _prune(cache: Path, args: argparse.Namespace) -> int:
    """What a run that lives has used since it began stays."""
    from pytest_quant.evaluation.alive import Alive
    from pytest_quant.evaluation.kept import KINDS, everything, prune, remove, remove_parts, total_bytes

    if not args.all and args.size is None and args.older is None:
        raise ConfigError("prune what? Give --size GB, --older DAYS or --all")
    for name in ("size", "older"):
        value = getattr(args, name)
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigError(f"--{name}: found {value}, expected a number of 0 or more")
    if not any((cache / kind).is_dir() for kind in KINDS):
        print(f"{shown(cache)}: holds nothing that a run has kept")
        return 0
    alive = Alive(cache)
    try:
        others = alive.others()
        since = min((path.stat().st_mtime_ns for path in others), default=float("inf"))
        parts = [] if others else remove_parts(cache)
        if args.older is None:
            removed = prune(cache, 0 if args.all else args.size * _GB, spared_since_ns=since)
        else:
            before = min(time.time_ns() - args.older * _DAY_NS, since)
            removed = [one for one in everything(cache) if one.used_ns < before and remove(one)]
    finally:
        alive.end()
    print(f"{shown(cache)}: removed {len(removed)} things, {total_bytes(removed) / 1e6:.2f} MB, {len(parts)} leftovers")
    if others:
        print(f"{len(others)} other processes use it: what they have used since they began stays")
    return 0
