"""Mask codings: one per file, each with ``encode(mask, known)`` and ``decode(data, shapes, known)``.

``known`` is the mask that both sides know, or None; a parameter that it has no entry for is kept whole. Names
and shapes never travel: ``decode`` is told them, and both directions go through the parameters sorted by
name, so that the order of nobody's dict matters.
"""
