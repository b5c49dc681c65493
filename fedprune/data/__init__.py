"""Data: sets decoded once into memory-mapped arrays, and their partition into clients."""
