"""Flower: the two apps, messages in place of blobs, and the private names of its version that we rely on."""
