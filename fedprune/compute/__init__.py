"""Local training: one closed SGD loop over in-memory tensors, and accuracy. Nothing here knows of a
federation."""
