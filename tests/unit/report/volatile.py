"""What two reports of the same run may differ in."""

from __future__ import annotations

import copy
from typing import Any


def without_volatile(report: dict[str, Any]) -> dict[str, Any]:
    """The report without ``timing``, ``seconds``, ``started`` and ``options``."""
    left = copy.deepcopy(report)
    del left["environment"]["started"], left["environment"]["options"]
    for model in left["models"].values():
        del model["timing"]
        for net in ("onnx", "onnx_int8"):
            model.get(net, {}).pop("timing", None)
        for further in model.get("nets", {}).values():
            del further["timing"]
    for case in left["cases"]:
        del case["seconds"]
    return left
