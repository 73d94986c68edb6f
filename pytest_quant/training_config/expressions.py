"""Python expressions of a config file to values, without executing them."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import cast

from pytest_quant.training_config.functions import (
    FUNCTIONS,
    LONGEST,
    is_small,
)
from pytest_quant.training_config.loops import comprehension, dict_comprehension
from pytest_quant.training_config.operators import Operators, brief
from pytest_quant.training_config.values import REST, Unread, copied, unread_in

_DEEP_COPIES = frozenset({"copy.deepcopy", "deepcopy"})


class Expressions(Operators):
    """Evaluates expressions over the names that a file has bound so far."""

    def value(self, node: ast.expr) -> object:
        """The value of an expression, with `Unread` in place of what is not known."""
        method = _METHODS.get(type(node))
        if method is not None:
            found: object = method(self, node)
            self.budget.effort.look()  # what is short may hold what is not
            self.budget.effort.spend(1 + len(found) if isinstance(found, str | list | tuple | dict) else 1)
            return found
        self.spoil_names(node)
        return self.unread(node, f"`{brief(node)}` is not executed")

    def _constant(self, node: ast.Constant) -> object:
        if isinstance(node.value, str) and "{{" in node.value:
            return self.unread(node, f"the placeholder {node.value!r} is not filled in")
        return node.value

    def _name(self, node: ast.Name) -> object:
        if node.id in self._names:
            return self._names[node.id]
        if REST in self._names:
            return self._names[REST]
        return self.unread(node, f"`{node.id}` is not defined in this file")

    def _dict(self, node: ast.Dict) -> object:
        entries: dict[object, object] = {}
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

    def _unpack(self, entries: dict[object, object], found: object, node: ast.AST) -> None:
        """``entries.update(found)``; what ``found`` may replace without our knowing is dropped."""
        why = found if isinstance(found, Unread) else self.unread(node, "unpacks what is not a dict")
        more: dict[object, object] = found if isinstance(found, dict) else {REST: why}
        if REST in more:
            entries.clear()
        entries |= more

    def _sequence(self, node: ast.List | ast.Tuple) -> object:
        values: list[object] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                inner = self.value(element.value)
                if not isinstance(inner, list | tuple) or unread_in(inner):
                    return self.unread(element, f"`{brief(element)}` is not known")
                if len(values) + len(inner) > LONGEST:
                    return self.unread(element, f"`{brief(element)}` makes it too long")
                values += inner
            else:
                values.append(self.value(element))
        return values if isinstance(node, ast.List) else tuple(values)

    def _set(self, node: ast.Set) -> object:
        """``{{_base_.x}}`` is how mmcv refers to a base's value; other sets do not occur in configs."""
        inner = node.elts[0]
        if len(node.elts) == 1 and isinstance(inner, ast.Set) and len(inner.elts) == 1:
            return self.value(inner.elts[0])
        self.spoil_names(node)
        return self.unread(node, f"`{brief(node)}` is a set")

    def _attribute(self, node: ast.Attribute) -> object:
        return self._item(node, self.value(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> object:
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            limits = [None if part is None else self.value(part) for part in parts]
            return self._sliced(node, self.value(node.value), limits)
        return self._item(node, self.value(node.value), self.value(node.slice))

    def within(self, bound: dict[object, object]) -> Expressions:
        """The same with further names, as inside a comprehension."""
        return Expressions(ChainMap(bound, cast("dict[object, object]", self._names)), self._file, self.budget)

    def _call(self, node: ast.Call) -> object:
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
            return copied(self.value(node.args[0]), self.budget.effort)
        self.spoil_names(node)
        return self.unread(node, f"the call `{brief(node)}` is not executed")

    def _dict_call(self, node: ast.Call) -> dict[object, object]:
        entries: dict[object, object] = {}
        for argument in node.args:
            self._unpack(entries, self.value(argument), node)
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                self._unpack(entries, value, node)
            else:
                entries[keyword.arg] = value
        return entries


_METHODS: Mapping[type[ast.expr], Callable[..., object]] = {
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
