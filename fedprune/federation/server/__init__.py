"""The half of a round that runs on the server, and the loop over rounds with its checkpoints and records."""
