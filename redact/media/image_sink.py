"""Covered pages into picture files, in the mode and quality of the input.

Nothing of the input's file but pixels is written: no metadata, thumbnails, previews, comments or trailing bytes, and
of a colour profile only which public colour space it names (``profiles``). What cannot be kept as it is:

input                                            output
RGB or RGBA of 16 bits a channel                 8 bits a channel (16-bit grey stays)
JPEG with uncommon subsampling                   4:4:4
TIFF with old-style JPEG inside                  JPEG inside, quality 95
lossy WebP                                       quality 90, as the file does not say its own
animation frames of more than 256 colours (GIF)  256 colours
pages of a JPEG after its first (MPF)            none: they are previews of it
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from redact.errors import RedactError, SinkError
from redact.frames import RedactedFrame
from redact.media.images import FORMATS, Page, Picture
from redact.media.modes import DEEP, DIRECT, Mask, covered, paletted
from redact.outfile import OutFile

_WRITTEN = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": (*DIRECT, *DEEP),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "GIF": ("P",),
}


class PictureSink:
    """A picture file being written, of the format that its suffix says. A context manager; see ``OutFile``."""

    def __init__(self, path: str | os.PathLike[str], picture: Picture, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        suffix = self.path.suffix.lower()
        self.format = format_of(path)
        if picture.count > 1 and (self.format in ("JPEG", "BMP") or (self.format == "TIFF") == picture.animated):
            raise SinkError(
                f"a {suffix} file does not hold the {picture.count} pages of {picture.path.name}",
                hint=f"name it {picture.path.suffix}",
            )
        self._animated = picture.animated
        self._out = OutFile(path, overwrite=overwrite, inputs=[picture.path])
        self._pages: list[Image.Image] = []
        self._keep: list[dict[str, Any]] = []
        self._tiff: AppendingTiffWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def write(self, redacted: RedactedFrame, page: Page, mask: Mask) -> None:
        """Take the next page. ``mask``: its covered pixels, (height, width). Raises SinkError."""
        if not isinstance(redacted, RedactedFrame):
            raise TypeError(f"a sink takes RedactedFrame only, not {type(redacted).__name__}")
        keep = dict(page.keep)
        transparency = keep.get("transparency")
        bgr = redacted.frame.picture
        assert isinstance(bgr, np.ndarray)
        image = covered(page.image, bgr, mask, transparency if isinstance(transparency, int) else None)
        if self.format == "GIF" and image.mode != "P":
            image, clear = paletted(_converted(image, "RGBA", transparency), mask)
            keep["transparency"] = clear
        elif image.mode not in _WRITTEN[self.format]:
            image = _converted(image, _fallback(image.mode, self.format), keep.pop("transparency", None))
        with self._encoding():
            if self._animated:
                self._pages.append(image)
                self._keep.append(keep)
            elif self.format == "TIFF":
                if self._tiff is None:
                    self._tiff = AppendingTiffWriter(self._out.file, True)
                _save(image, self._tiff, "TIFF", keep)
                self._tiff.newFrame()
            else:
                _save(image, self._out.file, self.format, keep)

    def commit(self, check: Callable[[Path], bool] | None = None) -> None:
        """Finish the file and give it its name, if ``check`` agrees; see ``OutFile``. Raises SinkError."""
        with self._encoding():
            if self._animated:
                _save_animation(self._pages, self._keep, self._out.file, self.format)
            if self._tiff is not None:
                self._tiff.close()
        self._out.commit(check)

    def abort(self) -> None:
        """Leave nothing behind. Does nothing after ``commit``; safe to call twice."""
        self._pages.clear()
        self._out.abort()

    def _encoding(self) -> _Encoding:
        return _Encoding(self._out)


def format_of(path: str | os.PathLike[str]) -> str:
    """Pillow's name of the format that a file's suffix says. Raises SinkError."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise SinkError(
            f"cannot write a {suffix or 'file without a suffix'!r} picture", hint=f"name it {', '.join(FORMATS)}"
        )
    return FORMATS[suffix]


class _Encoding:
    """Turns whatever an encoder raises into one line; on errors nothing stays behind."""

    def __init__(self, out: OutFile) -> None:
        self._out = out

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        self._out.abort()
        if isinstance(error, RedactError) or not isinstance(error, Exception):
            return
        if isinstance(error, OSError) and error.errno is not None:
            with self._out.explained():
                raise error
        words = " ".join(str(error).split())[:120] or type(error).__name__
        raise SinkError(
            f"{self._out.path}: cannot be encoded ({words})", hint="name the output .png or .tiff"
        ) from error


def _fallback(mode: str, format: str) -> str:
    """The mode that keeps most of ``mode`` in a format that does not have it."""
    alpha = mode in ("LA", "RGBA") or (mode == "P" and format == "WEBP")
    wanted = ["RGBA", "RGB"] if alpha else ["I"] if mode == "F" else ["L"] if mode in (*DEEP, "1") else []
    return next((name for name in (*wanted, "RGB") if name in _WRITTEN[format]), "RGB")


def _converted(image: Image.Image, mode: str, transparency: Any) -> Image.Image:
    """``image`` in another mode; its transparent colour becomes alpha where that mode has it."""
    if mode == "RGBA" and transparency is not None:
        image.info["transparency"] = transparency
    image = image.convert(mode)
    image.info = {}
    return image


def _save(image: Image.Image, file: BinaryIO | AppendingTiffWriter, format: str, keep: dict[str, Any]) -> None:
    image.save(file, format, **_options(format, keep, image.mode))


def _options(format: str, keep: dict[str, Any], mode: str) -> dict[str, Any]:
    options = {name: keep[name] for name in ("transparency", "icc_profile") if keep.get(name) is not None}
    if format not in ("PNG", "GIF"):
        options.pop("transparency", None)
    if format == "JPEG":
        if mode != "RGB":
            options.pop("icc_profile", None)
        if keep["format"] == "JPEG":
            tables = {key: list(table) for key, table in keep["qtables"].items()}
            options |= {"qtables": tables, "progressive": keep["progressive"]}
            if mode == "RGB":
                options["subsampling"] = keep["subsampling"]
        else:
            options |= {"quality": 95, "subsampling": 0}
    elif format == "TIFF":
        options["compression"] = keep.get("compression", "tiff_adobe_deflate")
        if options["compression"] == "jpeg":
            options["quality"] = 95
    elif format == "WEBP":
        lossless = keep["lossless"] or keep["format"] not in ("WEBP", "JPEG")
        options |= {"lossless": lossless, "exact": lossless, "quality": 100 if lossless else 90, "method": 4}
    elif format in ("BMP", "GIF"):
        options.pop("icc_profile", None)
    return options


def _save_animation(pages: list[Image.Image], keep: list[dict[str, Any]], file: BinaryIO, format: str) -> None:
    options = _options(format, keep[0], pages[0].mode)
    transparent = options.pop("transparency", None)
    options["duration"] = [item["duration"] for item in keep]
    if format == "GIF":
        # each frame replaces the one before it: what was transparent stays so
        options["disposal"] = 2 if any(item.get("transparency") is not None for item in keep) else 1
        options["optimize"] = False
        for page, item in zip(pages, keep, strict=True):
            if item.get("transparency") is not None:
                page.info["transparency"] = item["transparency"]
    elif transparent is not None and format == "PNG":
        options["transparency"] = transparent
    if "loop" in keep[0] or format != "GIF":  # a GIF without one plays once
        options["loop"] = keep[0].get("loop", 0)
    pages[0].save(file, format, save_all=True, append_images=pages[1:], **options)
