"""``pytest-quant init``: a first zoo file for a folder of nets, an mmdeploy export or a metafile."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.types import SubParsers
from pytest_quant.cli.zoo_file import open_zoo
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed, shown
from pytest_quant.zoo.draft import FILL_IN

if TYPE_CHECKING:
    from pytest_quant.zoo.initial.proposal import Found
    from pytest_quant.zoo.reader import Zoo

_FILE_NAME = "zoo.quant.yaml"
_SUFFIX = ".quant.yaml"


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "init",
        help="Write a first zoo file for a folder",
        description="Look at a folder (and those below it) for mmdeploy exports, nets (.param and .bin, .onnx, .xml "
        "and .bin, .tflite), metafiles and regression files of mmdeploy, and write a commented zoo file. What only you "
        "can know is marked FILL IN and listed. Exit status: 0 when nothing is to be filled in, 1 when something is.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help="default: this folder")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=f"the file to write; default: FOLDER/{_FILE_NAME}"
    )
    parser.add_argument(
        "--metafile", type=Path, action="append", default=[], help="a metafile.yml or model-index.yml elsewhere"
    )
    parser.add_argument(
        "--regression", type=Path, action="append", default=[], help="a regression file of mmdeploy elsewhere"
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file and tell what is in it; raises `ConfigError` when there is nothing to write, or it exists."""
    from pytest_quant.zoo.initial.look import look
    from pytest_quant.zoo.initial.text import zoo_text

    folder: Path = args.folder
    metafiles: list[Path] = args.metafile
    if folder.is_file():
        metafiles, folder = [folder, *metafiles], folder.parent
    output: Path = args.output or folder / _FILE_NAME
    if not output.name.endswith(_SUFFIX):
        raise ConfigError(f"--output: found {shown(output)}, expected a name that ends in {_SUFFIX}")
    if output.exists() and not args.force:
        raise ConfigError(f"{shown(output)} exists already; --force overwrites it")
    found = look(folder, [path.absolute() for path in metafiles], [path.absolute() for path in args.regression])
    text = zoo_text(found, output.absolute().parent, _command(args))
    output.write_text(text, encoding="utf-8")
    zoo = open_zoo(output.absolute())
    for line in _summary(output, zoo, found):
        print(line)
    return int(bool(zoo.problems) or any(not isinstance(model, ModelSpec) for model in zoo.models))


def _command(args: argparse.Namespace) -> str:
    parts = ["pytest-quant", "init", *([] if args.folder == Path() else [args.folder.as_posix()])]
    for option in ("metafile", "regression"):
        for path in getattr(args, option):
            parts += [f"--{option}", path.as_posix()]
    return shlex.join(parts)


def _summary(output: Path, zoo: Zoo, found: Found) -> Iterator[str]:
    """What was written, what is missing, and what is to be known."""
    yield f"{shown(output)}: {len(zoo.models)} model(s)"
    for model, proposal in zip(zoo.models, found.proposals, strict=True):
        if isinstance(model, ModelSpec):
            yield f"  {model.name}: ready, with the cases {listed(limit.name for limit in model.limits)}"
            yield from (f"    note: {note}" for note in model.notes)
            continue
        yield f"  {model.name}: to be filled in"
        told = [finding.text for finding in proposal.draft.findings if finding.fatal]
        yield from (f"    {text}" for text in told or model.message.splitlines())
    yield from (f"  {problem}" for problem in zoo.problems)
    ready = [model for model in zoo.models if isinstance(model, ModelSpec)]
    yield from (f"  {text}" for text in dict.fromkeys(model.dataset.missing for model in ready) if text)
    yield from (f"  left out: {text}" for text in found.left_out)
    is_complete = len(ready) == len(zoo.models) and not zoo.problems
    first = "next: " if is_complete else f"next: fill in what is marked {FILL_IN} in {shown(output)}, then: "
    yield f"{first}pytest --quant {shlex.quote(shown(output))}"
