"""The statements of a Python config file, followed without executing them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pytest_quant.training_config.effort import Effort
from pytest_quant.training_config.expressions import Expressions
from pytest_quant.training_config.functions import Budget
from pytest_quant.training_config.loops import items
from pytest_quant.training_config.values import REST, NotToldError, Unread

_LEAVES = (ast.Break, ast.Continue, ast.Return)
LoadBase = Callable[[str], dict[object, object]]
"""The values of a base that a file names: by a relative path, or by a module as in ``from .base import *``."""


class PythonFile:
    """The names that a file binds, and their values."""

    def __init__(self, tree: ast.Module, file: str, load_module: LoadBase, effort: Effort) -> None:
        """Follow ``tree``; ``file`` is what messages call it. ``load_module`` reads what ``read_base`` imports."""
        self.names: dict[object, object] = {}
        self.modules: set[object] = set()
        self._expressions = Expressions(self.names, file, Budget(effort))
        self._load_module = load_module
        self._tree = tree

    def read(self, bases: dict[object, object] | None) -> dict[object, object]:
        """The file's own public values; ``bases`` is what it can refer to as ``_base_``."""
        if bases is not None:
            self.names["_base_"] = bases  # what the file changes in it is inherited as changed
        for statement in self._tree.body:
            self._follow(statement)
        return {name: value for name, value in self.names.items() if _is_public(name, self.modules)}

    def _follow(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                found = self._expressions.value(value)
                for target in targets:
                    self._assign(target, found)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._assign(target, self._expressions.value(value))
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute()) as call):
                self._call_method(call)
            case ast.For(orelse=[]) if not any(isinstance(inner, _LEAVES) for inner in ast.walk(node)):
                self._loop(node)
            case ast.With() if _reads_base(node):
                self._import_bases(node)
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case _:
                self._pass_over(node)

    def _assign(self, target: ast.expr, value: object) -> None:
        match target:
            case ast.Name(id="_base_"):
                pass  # found and read before the other statements
            case ast.Name(id=name):
                self.names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets) if (parts := _parts(value, len(targets))) is not None:
                for part, inner in zip(targets, parts, strict=True):
                    self._assign(part, inner)
            case ast.Subscript(value=owner) | ast.Attribute(value=owner):
                self._assign_item(target, self._expressions.value(owner), value)
            case _:
                self._pass_over(target)

    def _assign_item(self, target: ast.Subscript | ast.Attribute, owner: object, value: object) -> None:
        key = target.attr if isinstance(target, ast.Attribute) else self._expressions.value(target.slice)
        match owner:
            case list() if isinstance(key, int) and -len(owner) <= key < len(owner):
                owner[key] = value
            case dict() if isinstance(key, str | int):
                owner[key] = value
            case _:
                self._pass_over(target)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = (alias.asname or alias.name).split(".")[0]
            self.names[name] = self._expressions.unread(node, f"`{name}` is imported")
            if isinstance(node, ast.Import):
                self.modules.add(name)  # no value of the config

    def _call_method(self, call: ast.Call) -> None:
        match call:
            case ast.Call(func=ast.Attribute(value=owner, attr="update"), args=[]):
                self._update(owner, call)
            case ast.Call(func=ast.Attribute(value=owner, attr="append"), args=[item], keywords=[]):
                self._append(owner, item, call)
            case _:
                self._pass_over(call)

    def _update(self, owner: ast.expr, call: ast.Call) -> None:
        """``owner.update(key=value)``, as the configs of mmengine change what they import."""
        found = self._expressions.value(owner)
        if not isinstance(found, dict) or any(keyword.arg is None for keyword in call.keywords):
            self._expressions.spoil_names(call)
            return
        found.update({keyword.arg: self._expressions.value(keyword.value) for keyword in call.keywords})

    def _append(self, owner: ast.expr, item: ast.expr, call: ast.Call) -> None:
        found, value = self._expressions.value(owner), self._expressions.value(item)
        if isinstance(found, list):
            found.append(value)
        else:
            self._expressions.spoil_names(call)

    def _loop(self, node: ast.For) -> None:
        """A loop over values that are known, whose statements are followed one by one."""
        try:
            found = list(items(self._expressions, node.iter))
        except NotToldError:
            self._pass_over(node)
            return
        for item in found:
            self._assign(node.target, item)
            for statement in node.body:
                self._follow(statement)

    def _import_bases(self, node: ast.With) -> None:
        for statement in node.body:
            if not isinstance(statement, ast.ImportFrom):
                self._pass_over(statement)
                continue
            base = self._load_module("." * statement.level + (statement.module or ""))
            for alias in statement.names:
                if alias.name == "*":
                    self._import_all(base)
                else:
                    missing = self._expressions.unread(statement, f"the base has no `{alias.name}`")
                    self.names[alias.asname or alias.name] = base.get(alias.name, base.get(REST, missing))

    def _import_all(self, base: Mapping[object, object]) -> None:
        if REST in base:  # it may hold any name
            self.names.clear()
        self.names.update(base)

    def _pass_over(self, node: ast.AST) -> None:
        """A statement that is not executed: whatever it names or reaches is not known any more."""
        self._expressions.spoil_names(node)
        for name in _bound(node):
            self.names[name] = self._expressions.unread(node, f"`{name}` is set by code that is not executed")


def base_paths(tree: ast.Module, file: str, effort: Effort) -> list[str | Unread] | None:
    """What ``_base_`` names, or None when the file has no ``_base_``."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "_base_" for target in statement.targets
        ):
            value = Expressions({}, file, Budget(effort)).value(statement.value)
            return as_paths(value, f"{file}, line {statement.lineno}: `_base_` is not a list of paths")
    return None


def as_paths(value: object, otherwise: str) -> list[str | Unread]:
    """One path, or several, as the value of ``_base_`` has them; ``otherwise`` is said of what is neither."""
    entries = value if isinstance(value, list | tuple) else [value]
    return [entry if isinstance(entry, str | Unread) else Unread(otherwise) for entry in entries]


def _reads_base(node: ast.With) -> bool:
    call = node.items[0].context_expr
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "read_base"


def _is_public(name: object, modules: Collection[object]) -> bool:
    return name is REST or (isinstance(name, str) and not name.startswith("_") and name not in modules)


def _parts(value: object, count: int) -> Sequence[object] | None:
    return value if isinstance(value, list | tuple) and len(value) == count else None


def _bound(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
            yield inner.id
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield inner.name
        elif isinstance(inner, ast.alias):
            yield (inner.asname or inner.name).split(".")[0]
