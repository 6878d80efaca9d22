"""Picture files as pages: upright frames, and what a writer needs to keep their quality."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import (  # the plugins register the formats that are read, and no others are loaded
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from redact.errors import RedactError, SourceError
from redact.frames import Frame, VideoInfo
from redact.media.modes import DEEP, DIRECT, NEAREST, bgr_of
from redact.media.profiles import public_profile
from redact.media.streams import Dropped

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
}
"""Suffixes of picture files and Pillow's name of the format."""

MAX_PIXELS = 180_000_000  # of one page: five times 8K; covering takes about 20 bytes for each
MAX_ANIMATION = 300_000_000  # of all frames of an animation, which encoders keep until the end
MAX_PAGES = 10_000
TICK = Fraction(1, 1000)

_READ = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
_LOSSLESS_TIFF = {"raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma"}
_BILEVEL_TIFF = {"tiff_ccitt", "group3", "group4"}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_INSTANT = 10  # ms; browsers show a frame that asks for this or less for 100
_NAMED = {"exif": "EXIF", "xmp": "XMP", "photoshop": "Photoshop", "comment": "comment", "dpi": "resolution",
          "icc_profile": "colour profile", "mp": "MPF previews", "XML:com.adobe.xmp": "XMP"}  # fmt: skip


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether the file's name says that it is a picture."""
    return Path(path).suffix.lower() in FORMATS


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page or animation frame.

    image: upright, in the mode it will be written in, without any metadata. frame: the same for the other steps.
    keep: what the writer needs to keep its quality.
    """

    image: Image.Image = field(repr=False)
    frame: Frame
    keep: dict[str, Any]


class Picture:
    """A picture file: a context manager that iterates over its pages once.

    info: size and mode of the first page. animated: the pages follow each other in time. count: number of pages.
    dropped: what the file holds besides pixels. Raises SourceError.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with self._explained():
            self._image = _opened(self.path)
        try:
            with self._explained():
                self.format = {"MPO": "JPEG"}.get(self._image.format or "", self._image.format or "")
                several = self.format != "JPEG"
                self.count = int(getattr(self._image, "n_frames", 1)) if several else 1
                self.animated = self.count > 1 and self.format != "TIFF"
                self._check_size()
                self.dropped = _dropped(self._image)
                self._lossless = self.format == "WEBP" and not _has_lossy(self.path)
                first = self._page(0, 0)
                self._first: Page | None = first
                self.info = VideoInfo(
                    first.frame.width,
                    first.frame.height,
                    first.image.mode,
                    TICK,
                    codec=self.format.lower(),
                    stored_pixel_format=self._image.mode,
                    frames=self.count,
                )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Page]:
        time = 0
        for index in range(self.count):
            page = self._first if index == 0 and self._first is not None else self._turned_to(index, time)
            self._first = None
            time = page.frame.pts + page.frame.duration
            yield page

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._image.close()

    def _turned_to(self, index: int, time: int) -> Page:
        with self._explained():
            self._image.seek(index)
            if self._image.width * self._image.height > MAX_PIXELS:
                raise _too_large(self.path, self._image)
            return self._page(index, time)

    def _page(self, index: int, time: int) -> Page:
        source = self._image
        source.load()
        keep = self._kept(source)
        orientation = _orientation(source)
        image = source.copy()
        image.info = {}
        if image.mode in NEAREST:
            image = image.convert(NEAREST[image.mode])
        if image.mode not in DIRECT | DEEP:
            raise SourceError(
                f"{self.path.name}: {image.mode} pictures cannot be covered", hint="convert it to RGB first"
            )
        if orientation in _TURNS:
            image = image.transpose(_TURNS[orientation])
        if self.animated:
            # partial frames with palettes of their own: their sum has other colours than any of them
            image = _solid(source, image)
        shown = keep["duration"] if keep["duration"] > _INSTANT else 100
        frame = Frame(bgr_of(image), index, time, TICK, duration=shown)
        return Page(image, frame, keep)

    def _kept(self, source: Image.Image) -> dict[str, Any]:
        """What of the file's own settings the output keeps."""
        info = source.info
        keep: dict[str, Any] = {"format": self.format, "lossless": self._lossless}
        keep["duration"] = int(info.get("duration") or 0)
        if isinstance(info.get("loop"), int):
            keep["loop"] = info["loop"]
        transparency = info.get("transparency")
        if source.mode in ("1", "L", "P", "RGB") and transparency is not None:
            keep["transparency"] = transparency
        profile = info.get("icc_profile")
        if isinstance(profile, bytes) and source.mode in ("RGB", "RGBA", "P"):
            fresh = public_profile(profile)
            if fresh is not None:
                keep["icc_profile"] = fresh
        if isinstance(source, JpegImagePlugin.JpegImageFile):
            turned = _orientation(source) in (5, 6, 7, 8)
            sampling = JpegImagePlugin.get_sampling(source)
            keep["qtables"] = source.quantization
            # on its side 4:2:2 would be 4:4:0, which the encoder does not have
            keep["subsampling"] = 0 if sampling < 0 or (turned and sampling == 1) else sampling
            keep["progressive"] = bool(info.get("progressive"))
        if self.format == "TIFF":
            keep["compression"] = _compression(str(info.get("compression", "raw")), source.mode)
        return keep

    def _check_size(self) -> None:
        if self.count > MAX_PAGES:
            raise SourceError(f"{self.path.name}: {self.count} pages are too many", hint="split it first")
        pixels = self._image.width * self._image.height
        if pixels > MAX_PIXELS:
            raise _too_large(self.path, self._image)
        if self.animated and pixels * self.count > MAX_ANIMATION:
            raise SourceError(
                f"{self.path.name}: an animation of {self.count} frames of {self._image.width}x{self._image.height} "
                "is too large",
                hint="turn it into a video first",
            )

    def _explained(self) -> _Explained:
        return _Explained(self.path)


class _Explained:
    """Turns whatever a decoder raises on a damaged or hostile file into one line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, RedactError) or not isinstance(error, Exception):
            return
        name = self._path.name
        if isinstance(error, FileNotFoundError):
            raise SourceError(f"{self._path}: no such file", hint="check the path") from None
        if isinstance(error, PermissionError):
            raise SourceError(f"{name}: may not be read", hint="check its permissions") from None
        if isinstance(error, Image.DecompressionBombError):
            raise SourceError(f"{name}: is too large to be a picture", hint="shrink it first") from None
        words = " ".join(str(error).split())[:120] or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            words = "of no known kind"
        raise SourceError(
            f"{name}: not a picture that can be read ({words})",
            hint="it may be damaged or cut off; try another copy",
        ) from error


def _opened(path: Path) -> ImageFile.ImageFile:
    if path.is_dir():
        raise SourceError(f"{path}: is a folder", hint="name a picture in it")
    if path.is_file() and not path.stat().st_size:
        raise SourceError(f"{path.name}: the file is empty", hint="copy it again from where it was recorded")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures and odd metadata; the size is checked, the rest dropped
        return Image.open(path, formats=_READ)


def _too_large(path: Path, image: Image.Image) -> SourceError:
    return SourceError(
        f"{path.name}: {image.width}x{image.height} pixels are too many",
        hint=f"shrink it to at most {MAX_PIXELS // 1_000_000} million pixels",
    )


def _orientation(image: Image.Image) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF says nothing, and viewers then show the picture as it is
        return 1


def _solid(source: Image.Image, image: Image.Image) -> Image.Image:
    """An animation frame without a palette: RGB, or RGBA where anything in it is transparent."""
    if image.mode != "P":
        return image
    if source.info.get("transparency") is not None:
        image.info["transparency"] = source.info["transparency"]
        image = image.convert("RGBA")
        image.info = {}
        return image
    return image.convert("RGB")


def _dropped(image: Image.Image) -> tuple[Dropped, ...]:
    """What the file holds besides pixels, by name and never by value."""
    names = {_NAMED[name] for name in image.info if isinstance(name, str) and name in _NAMED}
    names |= {f"text {name}" for name in getattr(image, "text", {}) if name not in _NAMED}
    names |= {f"{name} segment" for name, _ in getattr(image, "applist", ())} - {"APP0 segment"}
    if image.format == "TIFF":
        names |= {"tags"}
    if image.format == "MPO":
        names |= {"MPF previews"}
    if public_profile(image.info.get("icc_profile") or b""):
        names -= {"colour profile"}  # written anew
    return (Dropped("metadata", detail=", ".join(sorted(names))),) if names else ()


def _has_lossy(path: Path) -> bool:
    """Whether a WebP file has a lossy frame."""
    with path.open("rb") as file:
        end = path.stat().st_size
        position = 12
        while position + 8 <= end:
            file.seek(position)
            name, size = struct.unpack("<4sI", file.read(8))
            if name == b"VP8 ":
                return True
            # the frames of an animation are chunks within a chunk, behind 16 bytes of their own
            position += 8 + (16 if name == b"ANMF" else size + size % 2)
    return False


def _compression(stored: str, mode: str) -> str:
    if stored in _LOSSLESS_TIFF or (stored in _BILEVEL_TIFF and mode == "1"):
        return stored
    if stored in ("jpeg", "tiff_jpeg") and mode in ("L", "RGB", "YCbCr", "CMYK"):
        return "jpeg"
    return "tiff_adobe_deflate"
