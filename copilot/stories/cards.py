"""Draws share pictures of released stories: SVG by hand, PNG from it by resvg, text measured with the font that draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Literal, NamedTuple

from copilot.stories.models import Export
from copilot.text import shorten

Shape = Literal["wide", "square"]
Theme = Literal["light", "dark"]
SIZES: Mapping[Shape, tuple[int, int]] = {"wide": (1200, 630), "square": (1080, 1080)}
FAMILY = "Roboto"
MARGIN = 84
MOST = 420
"""Characters of a quote on a card; a longer one is cut with an ellipsis, and the page shows it whole."""


class Colours(NamedTuple):
    """Of a theme; text on ground has a contrast of at least 7:1."""

    ground: str
    text: str
    soft: str
    mark: str


THEMES: Mapping[Theme, Colours] = {
    "light": Colours("#fffdf8", "#1f2430", "#545b6b", "#c2410c"),
    "dark": Colours("#171a21", "#f5f2ea", "#b6bcc9", "#fdba74"),
}


def card_svg(story: Export, company: str, shape: Shape = "wide", theme: Theme = "light") -> str:
    """A share picture as SVG: quote, name, disclosure, whose story it is. Everything in it is escaped."""
    width, height = SIZES[shape]
    colour = THEMES[theme]
    room = width - 2 * MARGIN
    quote = f"“{shorten(story.quote, MOST)}”"
    foot = [story.disclosure] if story.disclosure else []
    foot_lines = [line for text in foot for line in wrap(text, 24, room)]
    space = height - 2 * MARGIN - 150 - 32 * len(foot_lines)
    size = next((s for s in range(64, 25, -2) if len(wrap(quote, s, room)) * s * 1.3 <= space), 26)
    lines = wrap(quote, size, room)
    y = MARGIN + size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(f"{quote} {story.attribution}", quote=True)}" font-family="{FAMILY}, sans-serif">',
        f'<rect width="{width}" height="{height}" fill="{colour.ground}"/>',
        f'<rect width="14" height="{height}" fill="{colour.mark}"/>',
    ]
    for number, line in enumerate(lines):
        parts.append(_text(line, MARGIN, round(y + number * size * 1.3), size, colour.text, bold=True))
    below = height - MARGIN - 32 * len(foot_lines) - 44
    parts.append(_text(f"— {shorten(story.attribution, 60)}", MARGIN, below, 34, colour.soft))
    for number, line in enumerate(foot_lines):
        parts.append(_text(line, MARGIN, below + 40 + 32 * number, 24, colour.soft))
    parts.append(_text(f"A customer’s story, told by {shorten(company, 50)}", MARGIN, height - 36, 24, colour.mark))
    parts.append("</svg>")
    return "\n".join(parts)


def card_png(svg: str) -> bytes:
    """A share picture as PNG."""
    from resvg_py import svg_to_bytes

    fonts = [str(_font_file(name)) for name in ("Regular", "Bold")]
    return bytes(svg_to_bytes(svg_string=svg, font_files=fonts, font_family=FAMILY, sans_serif_family=FAMILY))


def wrap(text: str, size: int, room: float) -> list[str]:
    """Lines of at most `room` pixels at a font size; a word that is wider than that is cut."""
    measure = _measure()
    lines: list[str] = []
    line = ""
    for word in text.split():
        while measure(word) * size > room:
            cut = max(1, next((n for n in range(len(word), 0, -1) if measure(word[:n]) * size <= room), 1))
            lines += [line] if line else []
            lines.append(word[:cut])
            line, word = "", word[cut:]
        grown = f"{line} {word}".strip()
        if line and measure(grown) * size > room:
            lines.append(line)
            grown = word
        line = grown
    return [*lines, line] if line else lines


def _text(text: str, x: int, y: int, size: int, fill: str, *, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    width = round(_measure()(text) * size) if bold else 0
    fitted = f' textLength="{width}" lengthAdjust="spacingAndGlyphs"' if width else ""  # another font must not run over
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{weight}{fitted}>{escape(text)}</text>'


@cache
def _measure() -> Callable[[str], float]:
    """The width of a text in the bold font, at size 1."""
    from fontTools.ttLib import TTFont

    with TTFont(_font_file("Bold"), lazy=True) as font:
        unit = font["head"].unitsPerEm
        widths = font["hmtx"].metrics
        advance = {code: widths[name][0] / unit for code, name in font.getBestCmap().items()}
    return lambda text: sum(advance.get(ord(c), 1.0) for c in text)


def _font_file(weight: str) -> Path:
    import font_roboto

    return Path(font_roboto.__file__).parent / "files" / f"Roboto-{weight}.ttf"
