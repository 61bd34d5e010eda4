"""A little SVG: elements as text, an area with two axes, and marks told apart by their shape.

Drawn by hand, since a report is made on the machine that watches, which has no plotting library.
Colours are classes of the page's style sheet, so that a picture follows light and dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH: Final = 360
"""Units of every picture: the pixels of a phone, so that its text is as large as the page's."""

_STEPS: Final = (1, 2, 5, 10, 15, 20, 30, 60, 120, 240)


def element(name: str, *inside: str, **attributes: object) -> str:
    """``<name ...>inside</name>``; ``_`` in a name stands for ``-``, one at its end for nothing."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{told}>{''.join(inside)}</{name}>"


def picture(height: float, alt: str, *inside: str) -> str:
    """A whole picture, as wide as it is given room, with ``alt`` for who does not see it."""
    return element(
        "svg",
        *inside,
        viewBox=f"0 0 {WIDTH} {height:g}",
        role="img",
        aria_label=alt,
    )


def text(x: float, y: float, said: str, anchor: str = "start") -> str:
    """A word at its baseline."""
    return element("text", escape(said), x=x, y=y, text_anchor=anchor)


def bar(x: float, y: float, width: float, height: float, class_: str) -> str:
    """A rectangle that can always be seen."""
    return element("rect", x=x, y=y, width=max(width, 1.5), height=height, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def mark(kind: str, x: float, y: float) -> str:
    """The mark of ``kind`` around a point; its shape tells it apart, the colour only helps."""
    path = _SHAPES.get(kind, _SHAPES["settled"])
    return element("path", d=path, class_=kind, transform=f"translate({_written(x)} {_written(y)})")


_SHAPES: Final = {
    "flooding": "M0 -5 L5 4 L-5 4 Z",  # up
    "shutdown": "M0 5 L5 -4 L-5 -4 Z",  # down
    "safety": "M0 -5 L4.5 0 L0 5 L-4.5 0 Z",
    "settled": "M-4 0 a4 4 0 1 0 8 0 a4 4 0 1 0 -8 0 Z",
}


@dataclass(slots=True, kw_only=True)
class Area:
    """Where values stand between two axes; ``parts`` grows by what is drawn."""

    left: float
    top: float
    right: float
    bottom: float
    x_from: float
    x_to: float
    y_from: float
    y_to: float
    parts: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Where ``value`` stands from the left; beyond the axis at its end."""
        share = (value - self.x_from) / (self.x_to - self.x_from)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where ``value`` stands from the top."""
        share = (value - self.y_from) / (self.y_to - self.y_from)
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)

    def levels(self) -> None:
        """The y axis: a faint line and a number at every step."""
        for value in ticks(self.y_from, self.y_to, 4):
            y = self.y(value)
            self.parts.append(line(self.left, y, self.right, y, "grid"))
            self.parts.append(text(self.left - 4, y + 4, f"{value:g}", "end"))

    def curve(self, points: list[tuple[float, float | None]], class_: str) -> None:
        """Values by x; broken off wherever one is missing."""
        piece: list[str] = []
        for x, value in [*points, (0.0, None)]:
            if value is not None:
                piece.append(f"{_written(self.x(x))},{_written(self.y(value))}")
                continue
            if len(piece) == 1:  # a lone value is a dot, not nothing
                piece *= 2
            if piece:
                self.parts.append(element("polyline", points=" ".join(piece), class_=class_))
            piece = []


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values between ``low`` and ``high``, some ``about`` of them."""
    step = next((step for step in _STEPS if (high - low) / step <= about), _STEPS[-1])
    first = math.ceil(low / step)
    return [step * index for index in range(first, math.floor(high / step) + 1)]


def _written(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
