"""Artifacts: runs in one archive with all that it takes to repeat them and to compare to the bit.

An archive holds the runs' results, the code that made them (fedprune's and the user's plug-ins), the versions
of all installed packages, and ``repeat.py``, the one command that makes the runs again and compares.
"""

from fedprune.artifact.pack import pack
from fedprune.artifact.repeat import repeat

__all__ = ["pack", "repeat"]
