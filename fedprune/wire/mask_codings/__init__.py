"""Mask codings: one per file, each with ``encode(mask, known, weights)`` and ``decode(data, shapes, known,
weights)``.

``known`` is the mask that both sides know, or None; a parameter that it has no entry for is kept whole.
``weights`` are values that both sides hold, bit for bit (what came down, as decoded), or None; a parameter
without values there is coded without their help, and a coding is free to look at none. One that does look has
``USES_WEIGHTS = True``, so that both sides keep them for it. Names and shapes never travel: ``decode`` is
told them, and both directions go through the parameters sorted by name, so that the order of nobody's dict
matters.
"""
