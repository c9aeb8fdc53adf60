"""Lines over a logarithmic axis, as SVG. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 36, 44
_COLOURS: Final = ("#1f5f8b", "#b5532a", "#3f7d3f", "#7a4b8c", "#8a7a1f", "#555555")


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    values: Sequence[float]  #: one at each place of the plot


@dataclass(frozen=True, slots=True)
class Plot:
    """``unit``: of the values, whose axis begins at 0. ``places``: rising, from 1 on."""

    title: str
    unit: str
    places: Sequence[int]
    series: Sequence[Series]

    def svg(self) -> str:
        """Readable on a light and on a dark page: it brings its own ground."""
        size, words = f"0 0 {_WIDTH} {_HEIGHT}", f"{escape(self.title)}, {escape(self.unit)}"
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-family="sans-serif" font-size="12">',
                f"<title>{words}</title>",
                f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
                f'<text x="{_LEFT}" y="20" font-size="14" fill="#222222">{words}</text>',
                *self._grid(),
                *self._lines(),
                "</svg>\n",
            ]
        )

    @property
    def _most(self) -> float:
        """The first round number that no value exceeds."""
        highest = max((value for series in self.series for value in series.values), default=0.0) or 1.0
        unit = 10.0 ** math.floor(math.log10(highest))
        return next(step * unit for step in (1, 2, 2.5, 5, 10) if step * unit >= highest)

    def _x(self, place: int) -> float:
        low, high = math.log10(self.places[0]), math.log10(self.places[-1])
        share = (math.log10(place) - low) / (high - low) if high > low else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self._most * (_HEIGHT - _TOP - _BOTTOM)

    def _grid(self) -> list[str]:
        marks = []
        for part in range(5):
            value = self._most * part / 4
            y = self._y(value)
            marks.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#dddddd"/>')
            marks.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555555">{value:,.4g}</text>')
        for place in self.places:
            x, y = self._x(place), _HEIGHT - _BOTTOM + 18
            marks.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle" fill="#555555">{place:,}</text>')
        return marks

    def _lines(self) -> list[str]:
        drawn = []
        for number, series in enumerate(self.series):
            colour = _COLOURS[number % len(_COLOURS)]
            points = [(self._x(place), self._y(value)) for place, value in zip(self.places, series.values, strict=True)]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            drawn.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
            y = _TOP + 14 + 18 * number
            drawn.append(f'<rect x="{_WIDTH - _RIGHT + 16}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
            drawn.append(f'<text x="{_WIDTH - _RIGHT + 32}" y="{y}" fill="#222222">{escape(series.name)}</text>')
        return drawn
