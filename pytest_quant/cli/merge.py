"""``pytest-quant merge``: one report and one set of verdicts from the reports of all parts of a run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.types import SubParsers
from pytest_quant.cli.zoo_file import open_zoo

if TYPE_CHECKING:
    from pytest_quant.report.parts import Parts
    from pytest_quant.spec.errors import ConfigError

_IMPORTED = "ignore::pytest.PytestAssertRewriteWarning"
"""The plugin is loaded before pytest is, which has no asserts of it to rewrite."""


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "merge",
        help="Decide from the reports of all parts of a run, see --quant-shard",
        description="Decide the cases of a run whose samples were evaluated in parts, with `pytest --quant "
        "--quant-shard I/N --quant-report part.json` each: verdicts, intervals, reports and exit status are those of "
        "a run that evaluates everything. It takes the zoo files and nets, and no dataset.",
    )
    parser.add_argument("parts", type=Path, nargs="+", metavar="PART.json", help="The reports of all parts")
    parser.add_argument(
        "--report", action="append", default=[], metavar="FILE", help="Write a report: .json, .md, .html (repeatable)"
    )
    parser.add_argument("--baseline", metavar="FILE", help="Compare with the committed baseline FILE")
    parser.add_argument("--update-baseline", action="store_true", help="Rewrite its entries of the merged models")
    parser.add_argument("--history", metavar="FILE", help="Keep the run in this SQLite file")
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="Root folder of the runs (default: where you are)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decide, print and write; raises `ConfigError` for parts that are not those of one run, or of other files."""
    from tempfile import TemporaryDirectory

    import pytest

    from pytest_quant.evaluation.machine import computed_on
    from pytest_quant.evaluation.parts.replay import Replay
    from pytest_quant.report.parts import read_parts
    from pytest_quant.run.merging import Merging, arguments
    from pytest_quant.spec.errors import ConfigError

    root = args.root.resolve()
    parts = read_parts(args.parts)
    check_here(parts, root)
    _check_nets(parts, root)
    environment = parts.first.environment
    replay = Replay(root, parts.models, parts.datasets, seed=int(str(environment.options["seed"])))
    merging = Merging(replay, parts.tests)
    with TemporaryDirectory(prefix="pytest-quant-merge-") as cache, computed_on(environment.isa):
        given = ["--quant", f"--rootdir={root}", "-n0", f"--quant-cache={cache}", f"-W{_IMPORTED}"]
        given += [*arguments(environment.options), *_given(args)]
        status = pytest.main([*_files(parts, root), *given], plugins=[merging])
    if merging.missing:
        raise ConfigError(f"the parts have the test {merging.missing[0]}, which is not here")
    return int(status)


def _check_nets(parts: Parts, root: Path) -> None:
    """Raise `ConfigError` where a net is another than the parts ran."""
    from pytest_quant.evaluation.keys import net_files
    from pytest_quant.evaluation.model_on_samples import file_digests
    from pytest_quant.spec.errors import ConfigError
    from pytest_quant.spec.text import shown
    from pytest_quant.zoo.reader import BrokenModel

    for name in dict.fromkeys(one.partition("::")[0] for one in parts.models):
        for model in open_zoo(root / name).models:
            contents = parts.models.get(f"{name}::{model.name}")
            if contents is None or isinstance(model, BrokenModel) or not model.is_built:
                continue
            known = next(one.digests for one in contents if one.digests)
            files = net_files(model)
            for file, digest in file_digests(model).items():
                if known.get(file) != digest:
                    raise ConfigError(f"{shown(files[file])} ({model.name}) is not the file that the parts had")


def _given(args: argparse.Namespace) -> Iterator[str]:
    """With `=`: pytest looks for its ini file above all files that stand by themselves, also those of options."""
    for option in ("report", "baseline", "history"):
        value = getattr(args, option)
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                yield f"--quant-{option}={one}"
    if args.update_baseline:
        yield "--quant-update-baseline"
    yield "-oquant_report_pictures=0"


def _files(parts: Parts, root: Path) -> list[str]:
    names = dict.fromkeys(test.partition("::")[0] for test in parts.tests)
    for name in names:
        if not (root / name).is_file():
            raise _not_here(root / name)
    return [str(root / name) for name in names]


def _not_here(path: Path) -> ConfigError:
    from pytest_quant.spec.errors import ConfigError
    from pytest_quant.spec.text import shown

    return ConfigError(
        f"{shown(path)} does not exist: run pytest-quant merge in the root folder of the parts' checkout (the rootdir "
        "that pytest printed there), or name it with --root"
    )


def check_here(parts: Parts, root: Path) -> None:
    """Raise `ConfigError` where files or versions are not those that the parts had."""
    from pytest_quant.evaluation.digests import sha256_file
    from pytest_quant.evaluation.machine import runtimes
    from pytest_quant.spec.environment import versions
    from pytest_quant.spec.errors import ConfigError
    from pytest_quant.spec.text import shown

    known = parts.first.environment
    path = parts.parts[0].path
    for name, version in {**versions(), **runtimes()}.items():
        before = getattr(known, name) if name in type(known).model_fields else known.runtimes.get(name)
        if before is not None and before != version:
            raise ConfigError(f"{shown(path)} was made with {name} {before}, here is {version}: merge with the same")
    for name, contents in {**parts.models, **parts.datasets}.items():
        zoo = root / name.partition("::")[0]
        wanted = next(one.digests["zoo file"] for one in contents if one.digests)
        if not zoo.is_file():
            raise _not_here(zoo)
        if sha256_file(zoo) != wanted:
            raise ConfigError(
                f"{shown(path)}: {shown(zoo)} is not the file that the parts had; merge in a checkout of their commit"
            )
