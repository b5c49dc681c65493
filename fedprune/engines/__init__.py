"""Where clients run: one Grid of Flower's over crews, which answer messages and differ only in the
machines."""
