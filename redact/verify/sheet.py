"""The contact sheet: one picture of all moments to look at, of the output only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from redact.verify.moments import Picture
from redact.verify.verdict import Moment

_COLUMNS = 5
_GAP = 10  # pixels
_LINES = 44  # pixels below a picture, for three lines
_PAPER, _INK, _RED = (245, 245, 245), (20, 20, 20), (190, 20, 20)


def contact_sheet(moments: Sequence[tuple[Moment, Picture | None]], title: str) -> Image.Image:
    """Every moment that has a picture, surest first: time, reason, score. Empty but for its title without any."""
    shown = [(moment, crop) for moment, crop in moments if crop is not None]
    side = shown[0][1].shape[0] if shown else 240
    rows = max(1, -(-len(shown) // _COLUMNS))
    step_x, step_y = side + _GAP, side + _LINES + _GAP
    sheet = Image.new("RGB", (_COLUMNS * step_x + _GAP, rows * step_y + 2 * _GAP + 16), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((_GAP, _GAP // 2), title if shown else f"{title}: nothing to look at", _INK, font)
    for place, (moment, crop) in enumerate(shown):
        left, top = _GAP + place % _COLUMNS * step_x, 2 * _GAP + 10 + place // _COLUMNS * step_y
        sheet.paste(Image.fromarray(np.asarray(crop)), (left, top))
        colour = _RED if moment.alarm else _INK
        span = f"{moment.first:.2f} to {moment.last:.2f} s, {moment.frames} frame{'' if moment.frames == 1 else 's'}"
        lines = (
            f"{moment.time:.2f} s  {moment.kind} {moment.score:.2f}{'' if moment.alarm else ' (below)'}",
            moment.reason,
            span,
        )
        for line, text in enumerate(lines):
            draw.text((left, top + side + 1 + 14 * line), text, colour, font)
    return sheet
