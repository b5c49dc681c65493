"""Engines by name: each file offers ``open_engine(...)``, which returns a Flower ``Grid`` for a ``with``."""
