"""``python -m fedprune`` is ``fedprune``."""

import sys

from fedprune.cli import main

if __name__ == "__main__":
    sys.exit(main())
