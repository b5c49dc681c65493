"""A federated round between a server and its clients, as Flower apps.

Importing this package sets the environment variables that keep Flower quiet, before any of its modules
imports flwr.
"""

from fedprune.federation.flower.quiet import keep_flower_quiet

keep_flower_quiet()
