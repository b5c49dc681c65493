"""Value codecs: one per file, each with ``encode``, ``decode``, ``max_bytes`` and ``LOSSLESS``.

Values are one-dimensional float32 arrays, all finite. The receiver knows how many to expect; no count
travels.
"""
