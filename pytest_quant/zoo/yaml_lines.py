"""YAML with line numbers: the safe loader, plus where each key stands, duplicate keys and how numbers were printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_quant.errors import ZooError
from pytest_quant.limits import PrintedFloat
from pytest_quant.text import shown

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """One YAML document and the line of each of its keys, counted from 1."""

    path: Path
    data: Any
    lines: dict[KeyPath, int]

    def where(self, keys: KeyPath) -> str:
        """``file:line: a.b.c`` for a key, with the line of the nearest key above it that the file writes."""
        dotted = ".".join(str(key) for key in keys)
        for length in range(len(keys), -1, -1):
            line = self.lines.get(keys[:length])
            if line is not None:
                return f"{shown(self.path)}:{line}: {dotted}" if dotted else f"{shown(self.path)}:{line}"
        return f"{shown(self.path)}: {dotted}" if dotted else shown(self.path)


class _Loader(yaml.SafeLoader):
    """The safe loader whose floats remember how they were printed."""


def _printed_float(loader: _Loader, node: yaml.ScalarNode) -> float:
    return PrintedFloat(loader.construct_yaml_float(node), str(node.value))


_Loader.add_constructor("tag:yaml.org,2002:float", _printed_float)


def read_yaml(path: Path) -> Document:
    """Read one YAML file; raises `ZooError` with the line for anything that is not a single, well-formed document."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ZooError(f"{shown(path)}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ZooError(f"{shown(path)}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Document(path, None, {})
        lines = dict(_lines(path, root, (), set()))
        return Document(path, loader.construct_document(root), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ZooError(f"{shown(path)}{line}: is not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ZooError(f"{shown(path)}: is not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _lines(path: Path, node: yaml.Node, keys: KeyPath, visited: set[int]) -> Iterator[tuple[KeyPath, int]]:
    yield keys, node.start_mark.line + 1
    if id(node) in visited:  # an alias: its lines stand where its anchor does
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen and name != "<<":
                dotted = ".".join(map(str, (*keys, name)))
                raise ZooError(f"{shown(path)}:{line}: `{dotted}` stands here and on line {seen[name]}: remove one")
            seen[name] = line
            yield from _lines(path, value, (*keys, name), visited)
            yield (*keys, name), line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(path, value, (*keys, index), visited)
