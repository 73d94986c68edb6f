"""The writer of ``--quant-report FILE.html``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.evaluation.files import replace_file
from pytest_quant.report.html.page import page_view
from pytest_quant.report.model import Report

if TYPE_CHECKING:
    from jinja2 import Template


def write_html(report: Report, path: Path) -> None:
    """The report as one HTML file, with its style, script and pictures in it."""
    replace_file(path, html(report).encode())


def html(report: Report) -> str:
    """The page; everything that comes from a report is escaped."""
    from markupsafe import Markup

    own = {name: Markup(_resource(file)) for name, file in (("style", "style.css"), ("script", "page.js"))}  # noqa: S704
    return _template().render(page=page_view(report.visible()), **own)


@cache
def _template() -> Template:
    from jinja2 import DictLoader, Environment, StrictUndefined

    names = ("page.html.jinja", "model.html.jinja", "gallery.html.jinja")
    loader = DictLoader({name: _resource(name) for name in names})
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.jinja")


def _resource(name: str) -> str:
    return files("pytest_quant.report.html").joinpath(name).read_text(encoding="utf-8")
