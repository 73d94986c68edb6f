"""What each dependency brings: megabytes on the disk, and how long its import takes.

    python -m benchmarks.install_size

Run it in an environment that holds the package as users install it. `alone` is what would go if pytest-quant did not
ask for the package: itself, and what nothing else here needs. Imports are the median of five fresh processes, less
Python's own start.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement

PACKAGE = "pytest-quant"
MODULES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL.Image",
    "pyyaml": "yaml",
    "pytest-xdist": "xdist",
    "scipy": "scipy.special",
    "pycocotools": "pycocotools.mask",
    "matplotlib": "matplotlib.figure",
}
"""What we import of a package, where it is not the package's name."""
_ROUNDS = 5


def main() -> None:
    """Print the table, the largest first, and the sum."""
    direct = sorted(needed_by(PACKAGE))
    everything = closure(direct)
    rows = []
    for name in direct:
        alone = everything - closure(other for other in direct if other != name)
        others = sorted(alone - {name})
        rows.append((sum(map(size_mb, alone)), name, size_mb(name), others, import_ms(MODULES.get(name, name))))
    print("| package | MB | with what it alone brings, MB | which is | import, ms |")
    print("|---|---:|---:|---|---:|")
    for with_others, name, own, others, milliseconds in sorted(rows, reverse=True):
        print(f"| {name} | {own:.1f} | {with_others:.1f} | {', '.join(others)} | {milliseconds:.0f} |")
    print(f"\n{len(everything)} packages, {sum(map(size_mb, everything)):.0f} MB, beside Python and pip")


def needed_by(name: str) -> set[str]:
    """What a package asks for here, without extras; by their names as indexes compare them."""
    wanted = map(Requirement, requires(name) or ())
    return {canonical(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})}


def closure(names: Iterable[str]) -> set[str]:
    """These and all that they need, as far as it is installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            distribution(name)
        except PackageNotFoundError:  # a marker that packaging takes for true and the installer did not
            continue
        found.add(name)
        waiting.extend(needed_by(name))
    return found


def canonical(name: str) -> str:
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def size_mb(name: str) -> float:
    """Megabytes (1e6 bytes) of the files of an installed package, its compiled Python left out."""
    files = (file.locate() for file in distribution(name).files or () if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in map(_path, files) if path.is_file()) / 1e6


def _path(located: object) -> Path:
    return Path(str(located))


def import_ms(module: str) -> float:
    """How much longer Python takes with that import, in milliseconds."""
    return max(0.0, 1000 * (_seconds(f"import {module}") - _seconds("pass")))


def _seconds(code: str) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
