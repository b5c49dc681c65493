"""Engines by name: each file here offers ``open_engine(...)``, which returns a Flower ``Grid`` for a ``with``."""
