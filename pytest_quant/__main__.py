"""``python -m pytest_quant``: the command line, see `pytest_quant.cli`."""

import sys

from pytest_quant.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
