"""Where clients run: engines drive an unmodified Flower ServerApp and ClientApp, each in its own way.

Importing this package sets the environment variables that keep Flower quiet, before any import of flwr.
"""

from fedprune.engines.quiet import keep_flower_quiet

keep_flower_quiet()
