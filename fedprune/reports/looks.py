"""Colours, dashes and marks of all pictures: on the page, in SVG files and in notebooks."""

from __future__ import annotations

from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind people can tell apart (less yellow, too pale on white)."""
COLOURS_ON_BLACK = ("#2F86C5", *COLOURS[1:-1], "#F2F2F2")
"""The same where the page is dark: blue brighter, black white."""
DASHES = ("none", "7 3", "2 3", "9 3 2 3")
MARKERS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "M-3.6,-3.6h7.2v7.2h-7.2Z",
    "M0,-4.8L4.6,3.6H-4.6Z",
    "M0,-5.2L4.4,0L0,5.2L-4.4,0Z",
    "M-4.6,-3.6H4.6L0,4.8Z",
)
"""Lines differ by dash and marker as well as by colour."""
STAR = "M0,-8.5L2.2,-2.8L8.1,-2.6L3.5,1.1L5,6.9L0,3.6L-5,6.9L-3.5,1.1L-8.1,-2.6L-2.2,-2.8Z"
DIAMOND, TRIANGLE = "M0,-6.5L5,0L0,6.5L-5,0Z", "M0,-8L7,5H-7Z"
UP, DOWN = "M0,-5L4.6,3.6H-4.6Z", "M0,5L4.6,-3.6H-4.6Z"
"""Marks of what is sent up and down."""
PART_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#555555")
CONTROL = "#777777"
SHADES = 24
"""Steps of a matrix' colours."""
PALE, DARK = (233, 241, 248), (8, 48, 107)
"""The ends of the colours of cells, as red, green and blue."""


def looks() -> dict[str, Any]:
    """What the page's script draws with; ``map`` holds the ends of the colours of cells."""
    marks = {"star": STAR, "diamond": DIAMOND, "triangle": TRIANGLE, "up": UP, "down": DOWN}
    return {
        "dashes": DASHES,
        "markers": MARKERS,
        **marks,
        "shades": SHADES,
        "light": {"colours": COLOURS, "parts": PART_COLOURS, "control": CONTROL, "map": (PALE, DARK)},
        "dark": {
            "colours": COLOURS_ON_BLACK,
            "parts": (COLOURS_ON_BLACK[0], *PART_COLOURS[1:-1], "#A0A0A0"),
            "control": "#9A9A9A",
            "map": ((30, 40, 52), (166, 214, 255)),
        },
    }
