"""Words beside the marks of a scatter, each where it covers no other word and no other mark."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentlab.report.style import INK

LETTER, HEIGHT, MARK = 5.4, 11.0, 6.0
"""Width of a character, height of a word and half of a mark, in points."""
Area = tuple[float, float, float, float]


def label(figure: Any, ax: Any, marks: Mapping[str, tuple[float, float]]) -> list[str]:
    """Writes each word beside its mark, and returns those for which there is no room."""
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    places = {word: tuple(ax.transData.transform(at) * scale) for word, at in marks.items()}
    occupied = [_area(x - MARK, y - MARK, 2 * MARK, 2 * MARK) for x, y in places.values()]
    frame, left = ax.get_window_extent(), list[str]()
    whole = tuple(edge * scale for edge in (frame.x0, frame.y0, frame.x1, frame.y1))
    for word, (x, y) in places.items():
        room = next((spot for spot in _spots(word, x, y) if _free(spot, occupied, whole)), None)
        if room is None:
            left.append(word)
            continue
        occupied.append(room)
        offset = (room[0] - x, room[1] - y + 2)
        ax.annotate(word, marks[word], offset, textcoords="offset points", fontsize=9, color=INK, zorder=6)
    return left


def _spots(word: str, x: float, y: float) -> Sequence[Area]:
    """To the right, to the left, above and below, then between these."""
    width, near = LETTER * len(word), MARK + 2
    across = (x + near, x - near - width, x - width / 2)
    return [
        _area(across[i], y + up, width, HEIGHT)
        for i, up in ((0, -5.5), (1, -5.5), (2, near), (2, -near - HEIGHT), (0, 5), (0, -16), (1, 5), (1, -16))
    ]


def _area(x: float, y: float, width: float, height: float) -> Area:
    return x, y, x + width, y + height


def _free(spot: Area, occupied: Sequence[Area], whole: Sequence[float]) -> bool:
    inside = spot[0] >= whole[0] and spot[1] >= whole[1] and spot[2] <= whole[2] and spot[3] <= whole[3]
    return inside and all(
        spot[2] <= area[0] or area[2] <= spot[0] or spot[3] <= area[1] or area[3] <= spot[1] for area in occupied
    )
