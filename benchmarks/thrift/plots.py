"""Plots: bars of every system on some workloads, drawn as SVG: a panel for each workload, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

_LABEL, _BARS, _VALUE, _LINE, _PANEL, _TOP = 230, 430, 90, 17, 34, 46  # pixels
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.panel{font-weight:600}"
    ".note{fill:#59636e}.back{fill:#fff}.rival{fill:#8c959f}.ours{fill:#0969da}.grid{stroke:#d1d9e0}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}.back{fill:#0d1117}.rival{fill:#656c76}"
    ".ours{fill:#4493f8}.grid{stroke:#30363d}}"
)


@dataclass(frozen=True)
class Plot:
    """Bars by panel and by system. `told` says a value; what is zero has no bar."""

    title: str
    note: str
    panels: Mapping[str, Mapping[str, float]]
    told: Callable[[float], str]

    def svg(self) -> str:
        """The drawing, which reads in light and in dark."""
        width = _LABEL + _BARS + _VALUE
        parts, y = [self._head()], _TOP
        for name, bars in self.panels.items():
            parts.append(f'<text class="panel" x="8" y="{y + 20}">{escape(name)}</text>')
            y += _PANEL - 6
            parts += [self._bar(system, value, y + n * _LINE) for n, (system, value) in enumerate(bars.items())]
            y += len(bars) * _LINE
        lines = [self._decade(power, y) for power in range(self._least + 1, self._most + 1)]
        opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 12}" viewBox="0 0 {width} {y + 12}">'
        back = f'<rect class="back" width="{width}" height="{y + 12}"/>'
        return "\n".join([opening, f"<style>{_STYLE}</style>", back, *lines, *parts, "</svg>", ""])

    @property
    def _values(self) -> list[float]:
        return [v for bars in self.panels.values() for v in bars.values() if v > 0]

    @property
    def _least(self) -> int:
        return math.floor(math.log10(min(self._values)) - 0.1)

    @property
    def _most(self) -> int:
        return math.ceil(math.log10(max(self._values)))

    def _length(self, value: float) -> float:
        return _BARS * (math.log10(value) - self._least) / (self._most - self._least) if value > 0 else 0.0

    def _head(self) -> str:
        title = f'<text class="title" x="8" y="20">{escape(self.title)}</text>'
        return title + f'<text class="note" x="8" y="38">{escape(self.note)}</text>'

    def _bar(self, system: str, value: float, y: int) -> str:
        length, kind = self._length(value), "ours" if system.startswith("Planrail") else "rival"
        return (
            f'<text x="{_LABEL - 6}" y="{y + 12}" text-anchor="end">{escape(system)}</text>'
            f'<rect class="{kind}" x="{_LABEL}" y="{y + 2}" width="{length:.1f}" height="{_LINE - 4}"/>'
            f'<text x="{_LABEL + length + 5:.1f}" y="{y + 12}">{escape(self.told(value))}</text>'
        )

    def _decade(self, power: int, bottom: int) -> str:
        x = _LABEL + self._length(10.0**power)
        return f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}"/>'
