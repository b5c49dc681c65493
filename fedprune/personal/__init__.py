"""Clients' personal models after the federation, in hand: each as a torch module, shrunk, with its
preprocessing and its labels."""
