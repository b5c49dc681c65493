"""Figures of runs as lines of text: plain ones, and ones to draw in place on a terminal of any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from rich.text import Text

from fedprune.progress import size
from fedprune.watch.tally import UNDER_WAY, Standing

_LEVELS = "▁▂▃▄▅▆▇█"
_STYLES = {
    "running": "cyan",
    "evaluating": "cyan",
    "complete": "green",
    "stopped": "yellow",
    "failed": "red",
    "unreadable": "red",
}
_LABEL, _WIDEST = 12, 100
"""Least characters of a label in a row, and most of a block."""


def plain(run: Standing) -> str:
    """A run as one line of text, for an output that is no terminal."""
    if run.state == "unreadable":
        return f"{run.label}: unreadable: {run.trouble}"
    parts = [f"round {run.round}/{run.rounds}", *(text for text, _ in _measured(run))]
    parts += [*_density(run), _traffic(run), _failed(run), *_pace(run), _state(run)]
    return f"{run.label}: {', '.join(parts)}"


def drawn(seen: Sequence[Standing], width: int, height: int | None = None) -> list[Text]:
    """Lines of at most ``width`` characters: a block a run if ``height`` lines hold them, else a row."""
    blocks = [_block(run, min(width, _WIDEST)) for run in seen]
    lines = [line for block in blocks for line in (*block, Text())][:-1]
    if height is None or len(lines) <= height:
        return lines
    return _rows(seen, width, height)


def sparkline(values: Sequence[float], width: int) -> str:
    """The course of ``values`` in at most ``width`` characters, from their least to their greatest.

    Longer ones are cut into ``width`` stretches of about equal length, each shown by its mean.
    """
    if len(values) > width:
        cuts = [index * len(values) // width for index in range(width + 1)]
        stretches = [values[low:high] for low, high in pairwise(cuts)]
        values = [sum(stretch) / len(stretch) for stretch in stretches]
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round((value - low) / span * top)] for value in values)


def clock(seconds: float) -> str:
    """A span of seconds as a clock shows it: ``0:07``, ``12:34``, ``1:02:03``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _block(run: Standing, width: int) -> list[Text]:
    state = _state(run)
    room = max(1, width - len(state) - 1)
    head = Text(run.label, style="bold", no_wrap=True)
    head.truncate(room, overflow="ellipsis", pad=True)
    head.append(f" {state}", _STYLES[run.state])
    if run.state == "unreadable":
        return [head, _line(run.trouble, width)]
    return [
        head,
        _progress(run, width),
        _courses(run, width),
        _line(", ".join([*_density(run), _failed(run), *_pace(run)[:1]]), width),
        _line(_traffic(run), width),
    ]


def _state(run: Standing) -> str:
    """A run's state, and how far its final evaluation has come."""
    return (
        run.state if run.evaluated is None else f"{run.state} {run.evaluated[0]}/{run.evaluated[1]} clients"
    )


def _progress(run: Standing, width: int) -> Text:
    left = [f"{clock(run.left)} left"] if run.left is not None else []
    said = "  ".join([f" {run.round}/{run.rounds}", *left])
    room = max(4, width - len(said))
    # A run that waits for better may be complete before its last round.
    share = 1.0 if run.state == "complete" else min(1.0, run.round / max(1, run.rounds))
    done = int(share * room)
    bar = Text("━" * done, style=_STYLES[run.state], no_wrap=True)
    bar.append("─" * (room - done), "dim")
    bar.append(said)
    bar.truncate(width)
    return bar


def _courses(run: Standing, width: int) -> Text:
    """Score and loss, each with how it came about; they share the line."""
    said = _measured(run)
    if not said:
        return _line("nothing measured yet", width)
    room = (width - sum(len(text) + 1 for text, _ in said) - 2 * (len(said) - 1)) // len(said)
    line = Text(no_wrap=True)
    for text, values in said:
        line.append(f"{'  ' if line else ''}{text} ")
        line.append(sparkline(values, max(1, room)).ljust(room), "cyan")
    line.truncate(width)
    return line


def _measured(run: Standing) -> list[tuple[str, Sequence[float]]]:
    """The latest value of each measure as text, and all its values so far."""
    made: list[tuple[str, Sequence[float]]] = []
    if run.scored is not None:
        made.append((run.score.text(run.scored), run.scores))
    if run.loss is not None:
        made.append((f"loss {run.loss:.3f}", run.losses))
    return made


def _density(run: Standing) -> list[str]:
    return [] if run.density is None else [f"density {run.density:.1%}"]


def _failed(run: Standing) -> str:
    return f"failed {run.failed} ({run.failed_total} in all)"


def _pace(run: Standing) -> list[str]:
    pace = [] if run.seconds is None else [f"{run.seconds:.2g} s a round"]
    return pace if run.left is None else [*pace, f"{clock(run.left)} left"]


def _traffic(run: Standing) -> str:
    return (
        f"up {size(run.up)} ({size(run.up_total)} in all), "
        f"down {size(run.down)} ({size(run.down_total)} in all)"
    )


def _line(text: str, width: int) -> Text:
    line = Text(text, no_wrap=True)
    line.truncate(width, overflow="ellipsis")
    return line


Cell = Callable[[Standing], str]

_SCORE = "score"
_COLUMNS: tuple[tuple[str, Cell, int], ...] = (
    ("status", _state, 2),
    ("round", lambda run: f"{run.round}/{run.rounds}", 0),
    ("left", lambda run: "" if run.left is None else clock(run.left), 3),
    (_SCORE, lambda run: "" if run.scored is None else run.score.value_text(run.scored), 1),
    ("course", lambda run: sparkline(run.scores, 8), 6),
    ("loss", lambda run: "" if run.loss is None else f"{run.loss:.3f}", 4),
    ("course", lambda run: sparkline(run.losses, 8), 10),
    ("density", lambda run: "" if run.density is None else f"{run.density:.1%}", 5),
    ("up", lambda run: size(run.up), 11),
    ("up in all", lambda run: size(run.up_total), 7),
    ("down", lambda run: size(run.down), 12),
    ("down in all", lambda run: size(run.down_total), 8),
    ("failed", lambda run: str(run.failed_total), 9),
    ("s a round", lambda run: "" if run.seconds is None else f"{run.seconds:.2g}", 13),
)
"""Title, text, and rank: where the terminal is narrow, high ranks are left out first.

The score's column is headed by the score's name where all runs have the same one.
"""


def _rows(seen: Sequence[Standing], width: int, height: int) -> list[Text]:
    """A header and a row a run; where not all fit, first those under way, and a line that counts the rest."""
    shown = list(seen)
    if len(seen) + 1 > height:
        shown = sorted(seen, key=lambda run: run.state not in UNDER_WAY)[: max(0, height - 2)]
    kept, room = _kept(shown, width)
    label = min(room, max([_LABEL, *(len(run.label) for run in shown)]))
    lines = [_row("run", [title.rjust(wide) for title, _, wide in kept], label, "bold")]
    for run in shown:
        cells = [cell(run).rjust(wide) for _, cell, wide in kept]
        lines.append(_row(run.label, cells, label, _STYLES[run.state]))
    if rest := len(seen) - len(shown):
        states = Counter(run.state for run in seen) - Counter(run.state for run in shown)
        said = ", ".join(f"{count} {state}" for state, count in states.items())
        lines.append(_line(f"and {rest} more: {said}", width))
    return lines


def _kept(shown: Sequence[Standing], width: int) -> tuple[list[tuple[str, Cell, int]], int]:
    """The columns that fit beside a label, with their widths, and the characters left for the label."""
    named = {run.score.name for run in shown if run.scored is not None}
    head = named.pop() if len(named) == 1 else _SCORE
    titles = [head if title == _SCORE else title for title, _, _ in _COLUMNS]
    cells = [cell for _, cell, _ in _COLUMNS]
    wide = [
        max([len(title), *(len(cell(run)) for run in shown)])
        for title, cell in zip(titles, cells, strict=True)
    ]
    room, fits = width, set()
    for index in sorted(range(len(_COLUMNS)), key=lambda index: _COLUMNS[index][2]):
        if room - wide[index] - 2 < _LABEL:
            break
        room -= wide[index] + 2
        fits.add(index)
    columns = enumerate(zip(titles, cells, wide, strict=True))
    return [column for index, column in columns if index in fits], max(1, room)


def _row(label: str, cells: Sequence[str], width: int, style: str) -> Text:
    line = Text(label, no_wrap=True, style=style)
    line.truncate(width, overflow="ellipsis", pad=True)
    line.append("".join(f"  {cell}" for cell in cells), "default not bold")
    return line
