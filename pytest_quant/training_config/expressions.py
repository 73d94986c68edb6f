"""Python expressions of a config file to values, without executing them."""

from __future__ import annotations

import ast
import operator
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, cast

from pytest_quant.training_config.functions import (
    FUNCTIONS,
    Budget,
    is_small,
    is_small_power,
    is_small_repetition,
)
from pytest_quant.training_config.loops import brief, comprehension, dict_comprehension
from pytest_quant.training_config.values import REST, Unread, copied, spoil, unread_in

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_DEEP_COPIES = frozenset({"copy.deepcopy", "deepcopy"})


class Expressions:
    """Evaluates expressions over the names that a file has bound so far."""

    def __init__(self, names: Mapping[Any, Any], file: str, budget: Budget | None = None) -> None:
        """``budget`` bounds what loops may take; by default a whole one."""
        self._names = names
        self._file = file
        self.budget = budget or Budget()

    def unread(self, node: ast.AST, what: str) -> Unread:
        """The mark for a value that stands at ``node``."""
        return Unread(f"{self._file}, line {getattr(node, 'lineno', '?')}: {what}")

    def value(self, node: ast.expr) -> Any:
        """The value of an expression, with `Unread` in place of what is not known."""
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        self.spoil_names(node)
        return self.unread(node, f"`{brief(node)}` is not executed")

    def spoil_names(self, node: ast.AST) -> None:
        """Whatever code at ``node`` does that is not executed, it may change the values that it can reach."""
        why = self.unread(node, f"`{brief(node)}` is not executed and may change this")
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self._names:
                spoil(self._names[inner.id], why)

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str) and "{{" in node.value:
            return self.unread(node, f"the placeholder {node.value!r} is not filled in")
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self._names:
            return self._names[node.id]
        if REST in self._names:
            return self._names[REST]
        return self.unread(node, f"`{node.id}` is not defined in this file")

    def _dict(self, node: ast.Dict) -> Any:
        entries: dict[Any, Any] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.value(value_node)
            if key_node is None:
                self._unpack(entries, value, node)
                continue
            key = self.value(key_node)
            if isinstance(key, str | int | float | bool | None):
                entries[key] = value
            else:
                self._unpack(entries, self.unread(key_node, f"the key `{brief(key_node)}` is not known"), node)
        return entries

    def _unpack(self, entries: dict[Any, Any], more: Any, node: ast.AST) -> None:
        """``entries.update(more)``; what ``more`` may replace without our knowing is dropped."""
        if not isinstance(more, dict):
            more = {REST: more if isinstance(more, Unread) else self.unread(node, "unpacks what is no dict")}
        if REST in more:
            entries.clear()
        entries.update(more)

    def _sequence(self, node: ast.List | ast.Tuple) -> Any:
        values: list[Any] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.value(element.value)
                if not isinstance(inner, list | tuple) or unread_in(inner):
                    return self.unread(element, f"`{brief(element)}` is not known")
                values += inner
            else:
                values.append(self.value(element))
        return values if isinstance(node, ast.List) else tuple(values)

    def _set(self, node: ast.Set) -> Any:
        """``{{_base_.x}}`` is how mmcv refers to a base's value; other sets do not occur in configs."""
        inner = node.elts[0]
        if len(node.elts) == 1 and isinstance(inner, ast.Set) and len(inner.elts) == 1:
            return self.value(inner.elts[0])
        self.spoil_names(node)
        return self.unread(node, f"`{brief(node)}` is a set")

    def _attribute(self, node: ast.Attribute) -> Any:
        return self._item(node, self.value(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            limits = [None if part is None else self.value(part) for part in parts]
            return self._sliced(node, self.value(node.value), limits)
        return self._item(node, self.value(node.value), self.value(node.slice))

    def _sliced(self, node: ast.expr, container: Any, limits: list[Any]) -> Any:
        if not isinstance(container, str | list | tuple) or unread_in(limits):
            return self._first_unread(node, container, *limits)
        try:
            return container[slice(*limits)]
        except (TypeError, ValueError):
            return self.unread(node, f"`{brief(node)}` cannot be computed")

    def within(self, bound: dict[Any, Any]) -> Expressions:
        """The same with further names, as inside a comprehension."""
        return Expressions(ChainMap(bound, cast("dict[Any, Any]", self._names)), self._file, self.budget)

    def _item(self, node: ast.expr, container: Any, key: Any) -> Any:
        if isinstance(container, Unread):
            return container
        if isinstance(container, dict) and isinstance(key, str | int) and key in container:
            return container[key]
        if isinstance(container, dict) and REST in container:
            return container[REST]
        if isinstance(container, list | tuple) and isinstance(key, int) and -len(container) <= key < len(container):
            return container[key]
        return self.unread(node, f"`{brief(node)}` is not known")

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) and node.func.id not in self._names else None
        if name == "dict" and len(node.args) <= 1:
            return self._dict_call(node)
        function = FUNCTIONS.get(name or "")
        if function is not None and not node.keywords and not any(isinstance(arg, ast.Starred) for arg in node.args):
            values = [self.value(argument) for argument in node.args]
            if all(map(is_small, values)):
                return self._computed(node, function, *values)
            return self._first_unread(node, *values)
        if ast.unparse(node.func) in _DEEP_COPIES and len(node.args) == 1 and not node.keywords:
            return copied(self.value(node.args[0]))
        self.spoil_names(node)
        return self.unread(node, f"the call `{brief(node)}` is not executed")

    def _dict_call(self, node: ast.Call) -> dict[Any, Any]:
        entries: dict[Any, Any] = {}
        for argument in node.args:
            self._unpack(entries, self.value(argument), node)
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                self._unpack(entries, value, node)
            else:
                entries[keyword.arg] = value
        return entries

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        function = _BINARY.get(type(node.op))
        formats = isinstance(node.op, ast.Mod) and isinstance(left, str)
        if function is None or formats or not (is_small(left) and is_small(right)):
            return self._first_unread(node, left, right)
        if (isinstance(node.op, ast.Pow) and not is_small_power(left, right)) or (
            isinstance(node.op, ast.Mult) and not is_small_repetition(left, right)
        ):
            return self._first_unread(node, left, right)
        return self._computed(node, function, left, right)

    def _unary(self, node: ast.UnaryOp) -> Any:
        function = _UNARY.get(type(node.op))
        operand = self.value(node.operand)
        return self._first_unread(node, operand) if function is None else self._computed(node, function, operand)

    def _boolean(self, node: ast.BoolOp) -> Any:
        stops = isinstance(node.op, ast.Or)
        value: Any = None
        for operand in node.values:
            value = self.value(operand)
            unknown = unread_in(value)
            if unknown is not None or bool(value) is stops:
                return unknown or value
        return value

    def _compare(self, node: ast.Compare) -> Any:
        function = _COMPARE.get(type(node.ops[0]))
        left, right = self.value(node.left), self.value(node.comparators[0])
        if function is None or len(node.ops) > 1:
            return self._first_unread(node, left, right)
        return self._computed(node, function, left, right)

    def _choice(self, node: ast.IfExp) -> Any:
        test = self.value(node.test)
        return unread_in(test) or self.value(node.body if test else node.orelse)

    def _formatted(self, node: ast.JoinedStr) -> Any:
        texts = []
        for part in node.values:
            plain = isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None
            value = self.value(part.value) if isinstance(part, ast.FormattedValue) and plain else None
            value = part.value if isinstance(part, ast.Constant) else value
            if not isinstance(value, str | int | float):
                return self._first_unread(node, value)
            texts.append(str(value))
        return "".join(texts)

    def _computed(self, node: ast.expr, function: Callable[..., Any], *values: Any) -> Any:
        unknown = unread_in(values)
        if unknown is not None:
            return unknown
        try:
            return function(*values)
        except (TypeError, ValueError, ArithmeticError):
            return self.unread(node, f"`{brief(node)}` cannot be computed")

    def _first_unread(self, node: ast.expr, *values: Any) -> Unread:
        return unread_in(values) or self.unread(node, f"`{brief(node)}` is not executed")


_METHODS: Mapping[type[ast.expr], Callable[[Expressions, Any], Any]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.Dict: Expressions._dict,
    ast.List: Expressions._sequence,
    ast.Tuple: Expressions._sequence,
    ast.Set: Expressions._set,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.Call: Expressions._call,
    ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary,
    ast.BoolOp: Expressions._boolean,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._choice,
    ast.JoinedStr: Expressions._formatted,
    ast.ListComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.DictComp: dict_comprehension,
}
