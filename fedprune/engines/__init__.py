"""Where clients run: engines drive an unmodified Flower ServerApp and ClientApp, each on machines of its kind.

Importing this package sets the environment variables that keep Flower quiet, before a module of it imports flwr.
"""

from fedprune.engines.quiet import keep_flower_quiet

keep_flower_quiet()
