"""``pytest-quant target``: what a target says of itself, and an emulated ARM machine for where there is no board."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_quant.cli.types import SubParsers


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand and its own."""
    parser = subparsers.add_parser(
        "target",
        help="Look at a target, or make an emulated one",
        description="A target is another machine whose kernels run the nets: pytest --quant --quant-target SPEC.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    facts = commands.add_parser(
        "facts",
        help="Connect to a target and print what it says of itself",
        description="Connect to SPEC, an execnet gateway specification such as ssh=pi@board//python=python3, and print "
        "its machine, instruction sets and versions. The target needs Python, NumPy and ncnn, nothing else.",
    )
    facts.add_argument("spec", metavar="SPEC")
    facts.set_defaults(run=print_facts)
    emulated = commands.add_parser(
        "emulate",
        help="Make an emulated ARM machine in a folder",
        description="Make a folder with QEMU, Debian's Python and the wheels of NumPy and ncnn for aarch64, and a "
        "wrapper that starts it; needs apt-get and dpkg-deb, no root rights. int8 results under it are those of every "
        "aarch64 processor.",
    )
    emulated.add_argument("folder", type=Path, metavar="DIR")
    emulated.add_argument("--cpu", default="cortex-a76", help="Processor as QEMU calls it (default: cortex-a76)")
    emulated.set_defaults(run=make_emulated)


def print_facts(args: argparse.Namespace) -> int:
    """Print the facts of a target, one a line."""
    from pytest_quant.nets.remote.target import Target

    target = Target(args.spec)
    try:
        found = target.facts
    finally:
        target.close()
    for name, value in vars(found).items():
        print(f"{name}: {' '.join(value) if isinstance(value, tuple) else value}")
    return 0


def make_emulated(args: argparse.Namespace) -> int:
    """Make the emulated machine and print how to use it."""
    from pytest_quant.cli.emulation import emulate

    wrapper = emulate(args.folder, args.cpu)
    print(f"made {wrapper}; use it with")
    print(f"  pytest --quant --quant-target popen//python={wrapper} --quant-target-nets int8")
    return 0
