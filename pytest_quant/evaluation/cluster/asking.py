"""What a machine says of itself. The source of this module is sent to workers, which may lack this package.

It imports the standard library only, and the rest inside `facts`.
"""

from __future__ import annotations

Facts = dict[str, object]


def facts(distributions: tuple[str, ...]) -> Facts:
    """Machine, instruction sets and versions; of what is not installed there is no version.

    ``distributions``: those whose versions matter.
    """
    import platform
    import socket
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    found: Facts = {"host": socket.gethostname(), "machine": platform.machine(), "versions": versions}
    if "pytest-quant" in versions:
        try:
            from pytest_quant.evaluation.machine import own_isa
            from pytest_quant.spec.environment import code_digest, cpu_name
        except ImportError:  # of another version, which its number says
            return {**found, "isa": (), "cpu": "", "code": ""}
        found |= {"isa": own_isa(), "cpu": cpu_name(), "code": code_digest()}
    return found
