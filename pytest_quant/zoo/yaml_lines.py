"""YAML with line numbers: the safe loader, plus where each key stands, duplicate keys and how numbers were printed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from pytest_quant.spec.errors import ZooError
from pytest_quant.spec.number import PrintedFloat
from pytest_quant.spec.text import shown, visible
from pytest_quant.spec.whole_file import whole_file

KeyPath = tuple[str | int, ...]

RawEntry = Mapping[str, Any]
"""Keys and values that a file gave, before a schema has looked at them."""

_INT_CHARS = 80
"""More than 64 bits take in any base, with underscores."""
MAX_BYTES = 1_000_000
"""The parser takes some 15 s for as much; a zoo of a thousand models has less."""

_MAX_NODES = 1_000_000
"""More values than any zoo has; a few lines of aliases to aliases reach it."""


@dataclass(frozen=True)
class Document:
    """One YAML document and the line of each of its keys, counted from 1."""

    path: Path
    data: Any
    lines: dict[KeyPath, int]

    def line(self, keys: KeyPath) -> int | None:
        """The line of a key, or of the nearest key above it that the file writes."""
        for length in range(len(keys), -1, -1):
            line = self.lines.get(keys[:length])
            if line is not None:
                return line
        return None

    def has(self, keys: KeyPath) -> bool:
        """Whether the file itself writes that key."""
        return keys in self.lines

    def where(self, keys: KeyPath) -> str:
        """``file:line: a.b.c`` for a key, with its `line`."""
        line, dotted = self.line(keys), visible(".".join(str(key) for key in keys))
        place = shown(self.path) if line is None else f"{shown(self.path)}:{line}"
        return f"{place}: {dotted}" if dotted else place


def _printed_float(loader: yaml.constructor.SafeConstructor, node: yaml.ScalarNode) -> float:
    return PrintedFloat(loader.construct_yaml_float(node), str(node.value))


def _bounded_int(loader: yaml.constructor.SafeConstructor, node: yaml.ScalarNode) -> int | float:
    """A whole number; infinity where it does not fit into 64 bits, which its own key refuses, and no other entry."""
    text = str(node.value)
    if len(text) <= _INT_CHARS:
        value = int(loader.construct_yaml_int(node))
        if -(2**63) <= value < 2**63:
            return value
    return PrintedFloat(-math.inf if text.startswith("-") else math.inf, text[:_INT_CHARS])


_TEXT = "tag:yaml.org,2002:str"


class _Constructor(yaml.constructor.SafeConstructor):
    """The safe constructor whose floats remember how they were printed, and whose errors all have a line."""

    yaml_constructors = {  # noqa: RUF012
        **yaml.constructor.SafeConstructor.yaml_constructors,
        "tag:yaml.org,2002:float": _printed_float,
        "tag:yaml.org,2002:int": _bounded_int,
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """The value of a node; raises `yaml.MarkedYAMLError`, also where the safe loader raises something else.

        What a tag in the file asks for need not fit what it stands before, as in ``!!bool x``.
        """
        if node.tag == _TEXT and isinstance(node, yaml.ScalarNode):  # what most nodes are, and keys
            return node.value
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(problem=str(error), problem_mark=node.start_mark) from error
        except (LookupError, AttributeError, TypeError) as error:
            problem = f"found {str(node.value)[:40]!r} behind the tag {node.tag}, which it does not fit"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark) from error


class _Loader(_Constructor, yaml.SafeLoader):
    """Every installation has it, and its errors are the ones that are told."""


def _fast_loader() -> Callable[[str], _Loader] | None:
    """The same on libyaml, in a tenth of the time; None where PyYAML was built without."""
    if not yaml.__with_libyaml__:
        return None

    class FastLoader(_Constructor, yaml.CSafeLoader):
        """See `_fast_loader`."""

    return cast("Callable[[str], _Loader]", FastLoader)


_FAST_LOADER = _fast_loader()
_READ_OTHERWISE = re.compile(r"[\t!]|[|>][-+0-9]*#")
"""What libyaml takes for something else, or takes at all: a zoo must not depend on how PyYAML was built."""


def read_yaml(path: Path) -> Document:
    """Read one YAML file; raises `ZooError` with the line for anything that is not a single, well-formed document."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ZooError(f"{shown(path)}: has {size} bytes, more than the {MAX_BYTES} that are parsed; split it")
        text = whole_file(path).decode("utf-8-sig")
    except OSError as error:
        raise ZooError(f"{shown(path)}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ZooError(f"{shown(path)}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    try:
        return _read(path, text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise ZooError(f"{shown(path)}{line}: is not valid YAML: {problem}{_hint(text, mark)}") from error
    except yaml.YAMLError as error:
        raise ZooError(f"{shown(path)}: is not valid YAML: {error}") from error
    except RecursionError as error:
        raise ZooError(f"{shown(path)}: is nested too deeply") from error


def _read(path: Path, text: str) -> Document:
    if _FAST_LOADER is not None and not _READ_OTHERWISE.search(text):
        with suppress(yaml.YAMLError, RecursionError):  # told in the words that do not depend on how PyYAML was built
            found = _document(path, _FAST_LOADER(text))
            if found.data is not None:
                return found
    return _document(path, _Loader(text))


def _hint(text: str, mark: yaml.Mark | None) -> str:
    """The usual reason for a stray brace."""
    lines = text.splitlines()
    if mark is None or mark.line >= len(lines) or "${" not in lines[mark.line]:
        return ""
    return "; inside {...} a value that holds ${NAME} must be in quotes"


def _document(path: Path, loader: _Loader) -> Document:
    try:
        root = loader.get_single_node()
        if root is None:
            return Document(path, None, {})
        _check_size(path, root, {})
        lines: dict[KeyPath, int] = {}
        _add_lines(path, root, (), lines, set())
        return Document(path, loader.construct_document(root), lines)
    except (ValueError, OverflowError) as error:  # of the scanner: "\\UFFFFFFFF", or a %YAML of 5000 digits
        mark = loader.get_mark() if isinstance(loader, yaml.SafeLoader) else None
        raise yaml.MarkedYAMLError(problem=str(error)[:_INT_CHARS], problem_mark=mark) from error
    finally:
        loader.dispose()


def _check_size(path: Path, node: yaml.Node, sizes: dict[int, int | None]) -> int:
    """How many values there are with every alias written out; raises `ZooError` when there is no end of them."""
    known = sizes.setdefault(id(node), None)
    if known is not None:
        return known
    _check_text(path, node)
    size = 1
    for child in _children(node):
        if isinstance(child, yaml.ScalarNode):  # most are
            _check_text(path, child)
            size += 1
            continue
        if sizes.get(id(child), 0) is None:
            raise ZooError(f"{shown(path)}:{child.start_mark.line + 1}: what stands here holds an alias of itself")
        size += _check_size(path, child, sizes)
    if size > _MAX_NODES:
        raise ZooError(
            f"{shown(path)}:{node.start_mark.line + 1}: with its aliases written out, what stands here has more than "
            f"{_MAX_NODES} values"
        )
    sizes[id(node)] = size
    return size


def _check_text(path: Path, node: yaml.Node) -> None:
    """Refuse what YAML can spell with an escape, but no file and no report can hold."""
    if isinstance(node.value, str) and not node.value.isascii():
        try:
            node.value.encode()
        except UnicodeEncodeError as error:
            found = ascii(node.value[error.start])
            raise ZooError(
                f"{shown(path)}:{node.start_mark.line + 1}: found {found}, half of a surrogate pair, which is not text"
            ) from None


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _add_lines(path: Path, node: yaml.Node, keys: KeyPath, lines: dict[KeyPath, int], visited: set[int]) -> None:
    """Note the lines of a value and of all that it holds; raises `ZooError` for a key that stands twice."""
    lines[keys] = node.start_mark.line + 1
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
            if not isinstance(value, yaml.ScalarNode):
                _add_lines(path, value, (*keys, name), lines, visited)
            lines[(*keys, name)] = line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _add_lines(path, value, (*keys, index), lines, visited)
