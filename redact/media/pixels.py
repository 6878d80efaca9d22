"""Pixel formats on the way in: which of ``PIXEL_FORMATS`` is nearest to what a decoder delivers, and turning upright.

What the decoder delivers                        becomes                    and loses
one of ``PIXEL_FORMATS``                         itself                     nothing
yuyv422 uyvy422 nv16 yuv411p*                    yuv422p                    nothing
nv21 yuv410p*                                    yuv420p                    nothing
yuv440p* nv24 vuyx                               yuv444p                    nothing
any YUV with alpha                               the same without           alpha
YUV of 9 bits, or of more than 10                10 bits                    the bits below the tenth
gray of 9 bits or more                           gray10le                   the bits below the tenth
monow monob ya8                                  gray                       alpha
pal8 and any RGB of 8 bits or fewer              rgb24                      alpha
RGB of more than 8 bits, XYZ, Bayer              yuv444p10le, BT.709        the bits below the tenth, alpha

``*`` subsampling that is coarser or turned gets the next richer one; yuvj (full range) stays full range.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.format import VideoFormat
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from redact.frames import PIXEL_FORMATS

_ALIGNED = 64  # even and divisible by every subsampling, so that a format's chroma size tells its shifts
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_TAGS = ("colorspace", "color_range", "color_primaries", "color_trc")


@cache
def nearest(name: str) -> str:
    """The key of ``PIXEL_FORMATS`` that keeps most of pixel format ``name``; see the table above."""
    if name in PIXEL_FORMATS:
        return name
    layout = VideoFormat(name, _ALIGNED, _ALIGNED)
    if layout.has_palette:
        return "rgb24"
    colour = [part for part in layout.components if not part.is_alpha]
    deep = max(part.bits for part in colour) > 8
    if is_rgb(name):
        return "yuv444p10le" if deep else "rgb24"
    if len(colour) == 1:
        return "gray10le" if deep else "gray"
    half_wide = _ALIGNED // layout.chroma_width(_ALIGNED) > 1
    half_high = _ALIGNED // layout.chroma_height(_ALIGNED) > 1
    sampling = {(True, True): "420", (True, False): "422"}.get((half_wide, half_high), "444")
    full = "j" if name.startswith("yuvj") else ""
    return f"yuv{sampling}p10le" if deep else f"yuv{full}{sampling}p"


@cache
def is_rgb(name: str) -> bool:
    """Whether pixel format ``name`` holds colours that are not yet YUV or gray: palettes, Bayer and XYZ too."""
    layout = VideoFormat(name)
    return layout.is_rgb or layout.is_bayer or layout.has_palette or name.startswith("xyz")


def turned(name: str, rotation: int) -> str:
    """The format that ``name`` needs before it is turned: 4:2:2 on its side would be 4:4:0, which is not ours."""
    return name.replace("422", "444") if rotation % 180 else name


def converted(picture: av.VideoFrame, name: str, width: int = 0, height: int = 0) -> av.VideoFrame:
    """``picture`` in pixel format ``name`` and, if given, of another size in pixels.

    Colour range and tags are kept; RGB that becomes YUV becomes BT.709 of limited range.
    """
    width, height = width or picture.width, height or picture.height
    if (picture.format.name, picture.width, picture.height) == (name, width, height):
        return picture
    rgb_in, rgb_out = is_rgb(picture.format.name), is_rgb(name)
    space = Colorspace.ITU709 if rgb_in and not rgb_out else None
    wide = picture.color_range == ColorRange.JPEG or picture.format.name.startswith("yuvj")
    stated = ColorRange.JPEG if wide else ColorRange.MPEG
    return picture.reformat(
        width,
        height,
        name,
        src_colorspace=space,
        dst_colorspace=space,
        interpolation=Interpolation.BICUBIC,
        src_color_range=ColorRange.JPEG if rgb_in else stated,
        dst_color_range=ColorRange.JPEG if rgb_out else ColorRange.MPEG if rgb_in else stated,
        threads=1,  # slices on several threads race: now and then the first samples of one are left unwritten
    )


def turn_of(picture: av.VideoFrame) -> tuple[int, bool, float]:
    """(rotation, mirrored, error) with which a picture is to be shown; see ``display_turn``.

    A picture asked for its ``side_data`` refers to what refers to it: it, and its decoder's whole pool of pictures,
    would stay until the garbage collector comes by, which in a camera's process may be after many reconnects.
    """
    matrix: Any = SideDataContainer(picture).get("DISPLAYMATRIX")  # type: ignore[call-arg]  # its stub has no argument
    return (0, False, 0.0) if matrix is None else display_turn(bytes(matrix))


def display_turn(matrix: bytes) -> tuple[int, bool, float]:
    """(rotation, mirrored, error) of a display matrix of nine native int32: mirror left to right first, then turn
    clockwise by ``rotation`` degrees, the nearest of 0, 90, 180, 270; ``error`` is what remains, in degrees.
    """
    a, b, _, c, d, *_ = (float(value) for value in np.frombuffer(matrix, dtype=np.int32, count=9))
    mirrored = a * d - b * c < 0
    angle = float(np.degrees(np.arctan2(-b, -a) if mirrored else np.arctan2(b, a)))
    rotation = round(angle / 90) * 90
    return rotation % 360, mirrored, abs(angle - rotation)


def upright(picture: av.VideoFrame, rotation: int, mirrored: bool) -> av.VideoFrame:
    """A copy of ``picture``, in one of ``PIXEL_FORMATS``, mirrored left to right and then turned clockwise."""
    width, height = (picture.height, picture.width) if rotation % 180 else (picture.width, picture.height)
    result = av.VideoFrame(width, height, picture.format.name)
    for source, target in zip(_planes(picture), _planes(result), strict=True):
        flipped: NDArray[Any] = cv2.flip(source, 1) if mirrored else source
        if rotation:
            cv2.rotate(flipped, _TURNS[rotation], dst=target)
        else:
            np.copyto(target, flipped)
    for tag in _TAGS:
        setattr(result, tag, getattr(picture, tag))
    return result


def plain(picture: av.VideoFrame) -> av.VideoFrame:
    """``picture`` with its rows stored top to bottom; some decoders store them upwards."""
    if all(plane.line_size > 0 for plane in picture.planes):
        return picture
    return upright(picture, 0, False)


def inverted(ratio: Fraction, rotation: int) -> Fraction:
    """Sample aspect ratio after a turn by ``rotation`` degrees."""
    return 1 / ratio if rotation % 180 and ratio else ratio


def _planes(picture: av.VideoFrame) -> list[NDArray[Any]]:
    """Views (height, width) or (height, width, channels) of every plane, whichever way its rows are stored."""
    layout = PIXEL_FORMATS[picture.format.name]
    dtype = np.dtype(layout.dtype)
    views: list[NDArray[Any]] = []
    for plane, (sub_x, sub_y, channels) in zip(picture.planes, layout.planes, strict=True):
        width, height = -(-picture.width >> sub_x), -(-picture.height >> sub_y)
        line = abs(plane.line_size)
        rows = np.ndarray((height, line // dtype.itemsize), dtype, memoryview(plane))[:, : width * channels]
        rows = rows if plane.line_size > 0 else rows[::-1]
        views.append(rows.reshape(height, width, channels) if channels > 1 else rows)
    return views
