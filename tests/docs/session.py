"""A Python that a page's blocks are typed into one after the other, each as a line of JSON."""

import json
import sys

space = {"__name__": "__main__"}
for line in sys.stdin:
    exec(compile(json.loads(line), "page", "exec"), space)
    # Tells that the block is done, on a line of its own whatever was printed before.
    print(flush=True)
    print("\0", flush=True)
