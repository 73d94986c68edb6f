"""What operators and conditions of an expression give, where their operands are known."""

from __future__ import annotations

import ast
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from pytest_quant.training_config.functions import LONGEST, Budget, is_small, is_small_power, is_small_repetition
from pytest_quant.training_config.values import REST, Unread, spoil, unread_in

_Operator = Callable[..., object]
"""Of values that a check has found fit, or that raise what `Expressions` takes for "not known"."""

_BINARY: Mapping[type[ast.operator], _Operator] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: Mapping[type[ast.unaryop], _Operator] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: Mapping[type[ast.cmpop], _Operator] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class Operators(ABC):
    """Evaluates operators; where their operands come from, `value` says."""

    def __init__(self, names: Mapping[object, object], file: str, budget: Budget) -> None:
        """``budget`` bounds what it may take."""
        self._names = names
        self._file = file
        self.budget = budget

    def unread(self, node: ast.AST, what: str) -> Unread:
        """The mark for a value that stands at ``node``."""
        return Unread(f"{self._file}, line {getattr(node, 'lineno', '?')}: {what}")

    @abstractmethod
    def value(self, node: ast.expr) -> object:
        """The value of an expression, with `Unread` in place of what is not known."""

    def spoil_names(self, node: ast.AST) -> None:
        """Whatever code at ``node`` does that is not executed, it may change the values that it can reach."""
        why = self.unread(node, f"`{brief(node)}` is not executed and may change this")
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self._names:
                spoil(self._names[inner.id], why)

    def _sliced(self, node: ast.expr, container: object, limits: list[Any]) -> object:
        if not isinstance(container, str | list | tuple) or unread_in(limits):
            return self._first_unread(node, container, *limits)
        try:
            return container[slice(*limits)]
        except (TypeError, ValueError):
            return self.unread(node, f"`{brief(node)}` cannot be computed")

    def _item(self, node: ast.expr, container: object, key: object) -> object:
        if isinstance(container, Unread):
            return container
        if isinstance(container, dict) and isinstance(key, str | int) and key in container:
            return container[key]
        if isinstance(container, dict) and REST in container:
            return container[REST]
        if isinstance(container, list | tuple) and isinstance(key, int) and -len(container) <= key < len(container):
            return container[key]
        return self.unread(node, f"`{brief(node)}` is not known")

    def _binary(self, node: ast.BinOp) -> object:
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

    def _unary(self, node: ast.UnaryOp) -> object:
        function = _UNARY.get(type(node.op))
        operand = self.value(node.operand)
        return self._first_unread(node, operand) if function is None else self._computed(node, function, operand)

    def _boolean(self, node: ast.BoolOp) -> object:
        stops = isinstance(node.op, ast.Or)
        value: object = None
        for operand in node.values:
            value = self.value(operand)
            unknown = unread_in(value)
            if unknown is not None or bool(value) is stops:
                return unknown or value
        return value

    def _compare(self, node: ast.Compare) -> object:
        function = _COMPARE.get(type(node.ops[0]))
        left, right = self.value(node.left), self.value(node.comparators[0])
        if function is None or len(node.ops) > 1:
            return self._first_unread(node, left, right)
        return self._computed(node, function, left, right)

    def _choice(self, node: ast.IfExp) -> object:
        test = self.value(node.test)
        return unread_in(test) or self.value(node.body if test else node.orelse)

    def _formatted(self, node: ast.JoinedStr) -> object:
        texts = []
        for part in node.values:
            plain = isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None
            value = self.value(part.value) if isinstance(part, ast.FormattedValue) and plain else None
            value = part.value if isinstance(part, ast.Constant) else value
            if not isinstance(value, str | int | float):
                return self._first_unread(node, value)
            texts.append(str(value))
            if sum(map(len, texts)) > LONGEST:
                return self._first_unread(node)
        return "".join(texts)

    def _computed(self, node: ast.expr, function: Callable[..., object], *values: object) -> object:
        unknown = unread_in(values)
        if unknown is not None:
            return unknown
        try:
            return function(*values)
        except (TypeError, ValueError, ArithmeticError):
            return self.unread(node, f"`{brief(node)}` cannot be computed")

    def _first_unread(self, node: ast.expr, *values: object) -> Unread:
        return unread_in(values) or self.unread(node, f"`{brief(node)}` is not executed")


def brief(node: ast.AST) -> str:
    """The code at a node on one line, cut where it is long."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 50 else f"{text[:47]}..."
