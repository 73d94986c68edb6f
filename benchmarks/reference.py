"""Writes docs/reference.md: every option, ini name, key of a zoo file, marker and command, read from the code.

    python -m benchmarks.reference

A test holds the page against the code.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import pytest_quant
from pytest_quant.cli.main import _parser as parser_of_commands
from pytest_quant.extending.known import (
    dataset_types,
    format_names,
    get_format,
    get_task,
    in_use,
    options_of,
    task_names,
    with_builtins,
)
from pytest_quant.judging.limits import limit_classes
from pytest_quant.plugin.markers import USER_MARKERS
from pytest_quant.plugin.options import add_options
from pytest_quant.zoo import schema

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"

_NOTE = """# Reference

Every option, key and command, as the code has them (`python -m benchmarks.reference` writes this page). What they mean
together stands on the other pages: [the zoo file](zoo-file.md), [verdicts](verdicts.md), [reports](reports.md).
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


def page() -> str:
    """The page as Markdown."""
    with in_use(with_builtins()):
        parts = [_NOTE, *_options(), *_zoo(), *_datasets(), *_nets(), *_tasks(), *_markers(), *_commands()]
    return "\n".join(parts) + "\nNext: [what it does not do](limitations.md).\n"


def _options() -> Iterator[str]:
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    group = parser.getgroup("quant")
    yield "## Options of pytest\n\n| option | meaning |\n|---|---|"
    for option in group.options:
        attributes = option.attrs()
        names = option.names()
        value = f" {attributes['metavar']}" if attributes.get("metavar") and "action" not in attributes else ""
        if attributes.get("action") == "append":
            value = f" {attributes['metavar']}"
        yield _row(f"`{', '.join(names)}{value}`", attributes.get("help", ""))
    yield (
        "\nEach has an ini option of the same name with `_`, where the table below has it; the command line wins.\n"
        "\n## Ini options\n\n| ini option | type | meaning |\n|---|---|---|"
    )
    for name, (text, kind, *_) in sorted(parser._inidict.items()):
        yield _row(f"`{name}`", str(kind or "string"), str(text))


def _zoo() -> Iterator[str]:
    yield "\n## The zoo file\n"
    yield from _keys(schema.ZooHead)
    yield "\n### `defaults`\n"
    yield from _keys(schema.Defaults)
    yield "\n### An entry of `models`\n"
    limits = {key: _first(kind.__doc__) for kind in limit_classes() for key in kind.zoo_keys}
    nets = {"fp32": "The float net: keys of a format, see Nets.", "int8": "The quantized net, likewise."}
    yield from _keys(schema.ModelEntry, {**limits, **nets})
    for name, model in (
        ("input", schema.InputEntry),
        ("int8.calibrate", schema.CalibrateEntry),
        ("onnx", schema.OnnxEntry),
        ("onnx_int8", schema.OnnxInt8Entry),
        ("rescue", schema.RescueEntry),
        ("metafile", schema.MetafileEntry),
        ("regression", schema.RegressionEntry),
    ):
        yield f"\n### `{name}`\n"
        yield from _keys(model)


def _datasets() -> Iterator[str]:
    yield "\n## Datasets\n"
    for name in dataset_types():
        yield f"\n### `type: {name}`\n"
        yield from _keys(options_of(name))


def _nets() -> Iterator[str]:
    yield "\n## Nets\n\n| format | keys |\n|---|---|"
    for name in format_names():
        keys = get_format(name).keys.model_fields
        own = [name] if list(keys) == ["file"] else list(keys)
        yield _row(name, ", ".join(f"`{key}`" for key in own))


def _tasks() -> Iterator[str]:
    yield "\n## Tasks\n"
    for name in task_names():
        task = get_task(name)
        yield f"\n### `task: {name}`\n"
        if task.metrics:
            yield "| metric | unit | better | usual tolerance |\n|---|---|---|---|"
            for metric in task.metrics.values():
                usual = task.usual_tolerances.get(metric.name, "")
                yield _row(
                    f"`{metric.name}`", metric.unit, "higher" if metric.higher_is_better else "lower", str(usual)
                )
        for where, options in (("preprocess", task.preprocess_options), ("postprocess", task.postprocess_options)):
            yield from _nested(where, options)
        by_class: dict[type[BaseModel], list[str]] = {}
        for metric_name, options in task.metric_options.items():
            by_class.setdefault(options, []).append(metric_name)
        for options, metrics in by_class.items():
            if options.model_fields:
                yield from _nested(f"metric: {', '.join(metrics)}", options)


def _nested(where: str, model: type[BaseModel]) -> Iterator[str]:
    """The keys of a model, then those of the models in it."""
    if not model.model_fields:
        return
    yield f"\n`{where}`\n"
    yield from _keys(model)
    for name, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            yield from _nested(f"{where}.{field.alias or name}", inner)


def _keys(model: type[BaseModel], told: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """A table of the keys; ``told``: what is said of some elsewhere."""
    yield "| key | value | default | meaning |\n|---|---|---|---|"
    meanings = {**_meanings(model), **told}
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _default(field)
        yield _row(f"`{field.alias or name}`", _kind(field.annotation), default, meanings.get(name, ""))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, [], ()):
        return ""
    if isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@cache
def _meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """The docstrings below the fields, of the class and those that it derives from."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
        except OSError:  # a class that was made while running has no source
            continue
        (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
        for field, after in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(after):
                found[field.target.id] = _plain(after.value.value)  # type: ignore[attr-defined]
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _plain(text: str) -> str:
    return re.sub(r"``([^`]*)``", r"`\1`", " ".join(text.split()))


def _kind(annotation: object) -> str:
    """A type in words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(args[0])
    if origin is Literal:
        return ", ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in args)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(arg) for arg in args if arg is not type(None)))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping"
    if origin in (list, tuple, frozenset):
        return "list"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    names = {int: "whole number", float: "number", bool: "true or false", str: "text", Path: "path", dict: "mapping"}
    return names.get(annotation, "any") if isinstance(annotation, type) else "any"


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for arg in get_args(annotation):
        yield from _models_in(arg)


def _markers() -> Iterator[str]:
    yield "\n## Markers\n\n| marker | meaning |\n|---|---|"
    for name in USER_MARKERS:
        yield _row(f"`{name}`", _first(getattr(pytest_quant, name).__doc__))


def _commands() -> Iterator[str]:
    yield "\n## Commands\n"
    commands = next(
        action for action in parser_of_commands()._actions if isinstance(action, argparse._SubParsersAction)
    )
    for name, command in commands.choices.items():
        yield f"\n### `pytest-quant {name}`\n\n{_wrapped(_flat(command.description))}\n"
        yield from _arguments(command)


def _arguments(command: argparse.ArgumentParser) -> Iterator[str]:
    shown: Sequence[Any] = [one for one in command._actions if one.help != argparse.SUPPRESS and one.dest != "help"]
    if not shown:
        return
    yield "| argument | meaning |\n|---|---|"
    for action in shown:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield _row(f"`{choice.dest}`", choice.help or "")
            continue
        value = "" if action.nargs == 0 else f" {action.metavar or _choices(action) or action.dest.upper()}"
        yield _row(f"`{', '.join(action.option_strings) or action.metavar or action.dest}"
                   f"{value if action.option_strings else ''}`", action.help or "")  # fmt: skip


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices or ()))


def _first(doc: str | None) -> str:
    """The first line of a docstring."""
    return _plain((doc or "").strip().partition("\n")[0])


def _flat(text: object) -> str:
    return " ".join(str(text or "").replace("%%", "%").split())


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _row(*cells: str) -> str:
    return f"| {' | '.join(_flat(cell).replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    main()
