"""One colour in the sample values of any pixel format."""

from __future__ import annotations

from redact.frames import PixelFormat

# Kr and Kb of ITU-R BT.601, BT.709 and BT.2020, by FFmpeg's number of the matrix
_WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_HD_LINES = 720  # players take untagged video of this height or more for BT.709, below for BT.601


def plane_values(
    rgb: tuple[int, int, int], layout: PixelFormat, *, matrix: int, full_range: bool, height: int
) -> list[tuple[int, ...]]:
    """For each plane the value of each of its channels, as stored (10-bit and shifted where the format is).

    matrix: FFmpeg's number of the colour matrix; unknown ones are guessed from ``height`` as players do.
    """
    red, green, blue = rgb
    if layout.model == "rgb":
        return [(red, green, blue)]
    if layout.model == "bgr":
        return [(blue, green, red)]
    kr, kb = _WEIGHTS.get(matrix, _WEIGHTS[1] if height >= _HD_LINES else _WEIGHTS[6])
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = [(blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))]
    if full_range:
        samples = [luma, *(128 + value for value in chroma)]
    else:
        samples = [16 + luma * 219 / 255, *(128 + value * 224 / 255 for value in chroma)]
    top = (1 << layout.bits) - 1
    stored = [min(max(round(value * (1 << layout.bits - 8)), 0), top) << layout.shift for value in samples]
    if layout.model == "gray":
        return [(stored[0],)]
    if len(layout.planes) == 2:
        return [(stored[0],), (stored[1], stored[2])]
    return [(value,) for value in stored]
