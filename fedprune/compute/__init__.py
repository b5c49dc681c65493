"""Local training: one closed SGD loop over in-memory tensors, and the score. Nothing here knows of a
federation."""
