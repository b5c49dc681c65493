"""The Flower side: what a message holds, the client's half of a round, the server's half, and the two apps.

Importing this package sets the environment variables that keep Flower quiet, before any of its modules
imports flwr.
"""

from fedprune.federation.quiet import keep_flower_quiet

keep_flower_quiet()
