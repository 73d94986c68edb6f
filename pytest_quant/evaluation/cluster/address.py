"""The address of a cluster, as a user writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_quant.spec.errors import ConfigError

_FORM = re.compile(r"(?P<scheme>dask|tls)://(?P<host>\[[0-9A-Fa-f:]+\]|[^\[\]:/?#\s]+):(?P<port>\d{1,5})/?", re.ASCII)


@dataclass(frozen=True)
class ClusterAddress:
    """Where a Dask scheduler listens.

    >>> ClusterAddress.parse("dask://gpu-3:8786").dask
    'tcp://gpu-3:8786'
    >>> ClusterAddress.parse("tls://gpu-3:8786").dask
    'tls://gpu-3:8786'
    """

    url: str
    """As it was written."""
    dask: str
    """As Dask writes it."""

    @property
    def is_encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.dask.startswith("tls://")

    @classmethod
    def parse(cls, text: str) -> ClusterAddress:
        """Raises `ConfigError` for anything but ``dask://HOST:PORT`` or, encrypted, ``tls://HOST:PORT``."""
        found = _FORM.fullmatch(text.strip())
        if found is None or not 0 < int(found["port"]) < 65536:
            raise ConfigError(
                f"found {text!r}, expected dask://HOST:PORT, the address of a Dask scheduler, or tls://HOST:PORT for "
                "an encrypted one"
            )
        scheme = "tls" if found["scheme"] == "tls" else "tcp"
        return cls(text.strip(), f"{scheme}://{found['host']}:{found['port']}")
