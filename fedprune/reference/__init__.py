"""The reference: every key of a scenario and every plug-in, as Markdown made from the code that defines them.

``fedprune list KIND NAME`` prints one entry, and ``python -m fedprune.reference docs/reference`` writes all
pages. What stands there is said once, in the code: a key's meaning is the docstring below it (or the comment
behind it), its unit the word that the docstring begins with, its type and default are those of the section's
model or of the plug-in's dataclass, and a paper is named in the docstring of the plug-in's file.
"""

from fedprune.reference.entries import entry, names
from fedprune.reference.pages import pages

__all__ = ["entry", "names", "pages"]
