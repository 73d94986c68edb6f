"""``pytest-quant docs``: the documentation that the package brings along."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_quant.cli.types import SubParsers
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import suggestion

_PACKAGE = Path(__file__).parents[1]


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "docs",
        help="Show a page of the documentation",
        description="Print a page of the documentation of this version, as Markdown; without a name, list the pages.",
    )
    parser.add_argument("page", nargs="?", metavar="PAGE", help="Name of the page, such as `verdicts`")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the page, or the list."""
    found = pages()
    if args.page is None:
        width = max(map(len, found))
        for name, path in found.items():
            print(f"{name:{width}}  {title(path)}")
        return 0
    name = args.page.removeprefix("docs/").removesuffix(".md")
    if name not in found:
        raise ConfigError(f"there is no page {args.page!r}.{suggestion(name, found)} The pages: {', '.join(found)}")
    print(found[name].read_text(encoding="utf-8"), end="")
    return 0


def pages() -> dict[str, Path]:
    """Each page by its name, sorted: of an installed package its own, in a checkout those of ``docs/``."""
    folder = next(path for path in (_PACKAGE / "pages", _PACKAGE.parent / "docs") if path.is_dir())
    files = sorted(folder.rglob("*.md"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def title(page: Path) -> str:
    """The first heading of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), page.stem)
