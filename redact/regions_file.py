"""Regions as a file: what was found in a recording, written by one run, edited by anybody, covered by another.

The format is described in docs/regions.md. It is one JSON document with one line a frame, so that it is written and
read a line at a time, however long the recording. A file that an editor laid out otherwise is read whole, up to
``MAX_WHOLE`` bytes. Every frame has its line: a line that is lost is seen, and nobody is uncovered by it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self

from redact.detections import KINDS
from redact.digests import FileDigest, tool
from redact.errors import ConfigError, RegionsError
from redact.frames import VideoInfo
from redact.outfile import OutFile
from redact.policy import COVERING, Policy, digest, plain
from redact.regions import ORIGINS, Region, Settled

FORMAT = "redact-regions"
VERSION = 1
MAX_REGIONS = 2000  # in one frame: more than any crowd that the detectors find
MAX_LINE = 1_000_000  # bytes
MAX_WHOLE = 32_000_000  # bytes of a file that is not one line a frame
MAX_TRACK = 2**31
_FARTHEST = 16  # frame sides that a box may reach from the frame's corner
_DAMAGED = "it may be cut off or edited by hand; make it again with redact detect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a regions file says before its frames.

    width, height: of the upright frame in pixels. time_base: seconds of one tick of ``pts``. start, end: seconds of
    the input that were looked at. policy: settings by name. models: (name, SHA-256).
    """

    input: FileDigest
    width: int
    height: int
    time_base: Fraction
    start: float | None
    end: float | None
    policy: dict[str, Any]
    detector: str
    models: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls,
        input: FileDigest,
        info: VideoInfo,
        policy: Policy,
        detector: str,
        models: Iterable[tuple[str, str]],
        *,
        start: float | None = None,
        end: float | None = None,
    ) -> Header:
        """For a recording about to be looked through."""
        finding = {name: value for name, value in plain(policy).items() if name not in COVERING}
        return cls(
            input=input, width=info.width, height=info.height, time_base=info.time_base, start=start, end=end,
            policy=finding, detector=detector, models=tuple(models),
        )  # fmt: skip

    def covering(self, policy: Policy) -> Policy:
        """``policy`` where it says how to cover, and this header's where it says how to find.

        Raises RegionsError, and ConfigError where the two together are too weak.
        """
        values = {name: value for name, value in self.policy.items() if name not in COVERING}
        try:
            if "find" in values:
                values["find"] = tuple(values["find"])
            values["never"] = tuple(tuple(map(tuple, polygon)) for polygon in values.get("never", ()))
            finding = Policy(**values)
        except (ConfigError, TypeError) as error:
            raise RegionsError(f"the policy in it cannot be: {error}", hint=_DAMAGED) from error
        return replace(finding, **{name: getattr(policy, name) for name in COVERING})

    def json(self) -> dict[str, Any]:
        """As the document has it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "tool": tool(),
            "input": self.input.json(),
            "video": {
                "width": self.width,
                "height": self.height,
                "time_base": [self.time_base.numerator, self.time_base.denominator],
                "start": self.start,
                "end": self.end,
            },
            "policy": self.policy,
            "policy_sha256": digest(self.policy),
            "detector": {"name": self.detector, "models": [{"name": n, "sha256": d or None} for n, d in self.models]},
        }

    @classmethod
    def from_json(cls, value: Any) -> Header:
        """Raises RegionsError for anything that is not a header of this version."""
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise RegionsError("not a regions file", hint="name a file made by redact detect, or a MOT file")
        if value.get("version") != VERSION:
            raise RegionsError(
                f"its version is {str(value.get('version'))[:20]!r}, and this redact reads version {VERSION}",
                hint="make it again with redact detect",
            )
        try:
            input, video, detector = value["input"], value["video"], value["detector"]
            policy = value["policy"]
            header = cls(
                input=FileDigest(_text(input["name"]), _whole(input["bytes"], 2**63), _text(input["sha256"])),
                width=_whole(video["width"], 2**16),
                height=_whole(video["height"], 2**16),
                time_base=Fraction(_whole(video["time_base"][0], 2**31), _whole(video["time_base"][1], 2**31)),
                start=None if video["start"] is None else _number(video["start"], 1e9),
                end=None if video["end"] is None else _number(video["end"], 1e9),
                policy=policy if isinstance(policy, dict) else {},
                detector=_text(detector["name"]),
                models=tuple((_text(item["name"]), str(item["sha256"] or "")) for item in detector["models"][:100]),
            )
        except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError) as error:
            raise RegionsError(f"its header is damaged ({_short(error)})", hint=_DAMAGED) from error
        if not (header.width and header.height and header.time_base):
            raise RegionsError("its header is damaged (a size of nothing)", hint=_DAMAGED)
        return header


@dataclass(frozen=True, slots=True)
class Record:
    """What a regions file says of one frame. pts: in ticks of the header's time base."""

    index: int
    pts: int
    regions: tuple[Region, ...]
    whole: str = ""


class RegionsWriter:
    """A regions file being written. A context manager: left without ``commit`` it leaves nothing behind."""

    def __init__(
        self, path: str | os.PathLike[str], header: Header, *, overwrite: bool = False, inputs: Iterable[Path] = ()
    ) -> None:
        self._frames = 0
        self._out = OutFile(
            path, begin=_dump({**header.json()})[:-1] + ',\n"frames": [', overwrite=overwrite, inputs=inputs
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.abort()

    def write(self, settled: Settled) -> None:
        """Append a frame's regions. Raises SinkError."""
        frame = settled.frame
        record: dict[str, Any] = {"index": frame.index, "pts": frame.pts, "time": round(frame.time, 6)}
        if settled.whole:
            record["whole"] = settled.whole
        record["regions"] = [
            {"kind": item.kind, "track": item.track, "box": item.box, "score": item.score, "origin": item.origin}
            for item in settled.regions
        ]
        self._out.write(("," if self._frames else "") + "\n" + _dump(record))
        self._frames += 1

    def commit(self, duration: float) -> None:
        """Finish the file; ``duration`` is that of the frames, in seconds. Raises SinkError."""
        self._out.write(f'\n],\n"end": {_dump({"frames": self._frames, "duration": round(duration, 6)})}}}\n')
        self._out.commit()


class RegionsReader:
    """A regions file, read a line at a time. A context manager that iterates over its records once.

    Raises RegionsError, naming the file, for whatever is not as docs/regions.md says.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._file: BinaryIO = self.path.open("rb")
        except OSError as error:
            raise RegionsError(f"{path}: {(error.strerror or str(error)).lower()}", hint="check the path") from None
        try:
            with self._named():
                self._whole: Any = None
                head, opening = self._file.readline(MAX_LINE), self._file.readline(MAX_LINE)
                if opening.strip() == b'"frames": [':
                    self.header = Header.from_json(_load(head.rstrip().removesuffix(b",") + b"}"))
                else:
                    self._whole = self._read_whole()
                    self.header = Header.from_json(self._whole)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Record]:
        with self._named():
            count = 0
            for item in self._items() if self._whole is None else self._kept_items():
                yield _record(item, count, max(self.header.width, self.header.height))
                count += 1
            if not isinstance(self._end, dict) or self._end.get("frames") != count:
                raise RegionsError("it ends early", hint=_DAMAGED)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()

    def check(self, path: str | os.PathLike[str]) -> None:
        """Raises RegionsError unless the file at ``path`` is the one that the regions were found in."""
        other = FileDigest.of(path)
        if (other.bytes, other.sha256) != (self.header.input.bytes, self.header.input.sha256):
            raise RegionsError(
                f"{self.path}: belongs to another file ({self.header.input.name[:80]!r})",
                hint=f"run redact detect on {other.name} first",
            )

    def _items(self) -> Iterator[Any]:
        while True:
            line = self._file.readline(MAX_LINE)
            if len(line) >= MAX_LINE:
                raise RegionsError("a frame in it has too many regions", hint=_DAMAGED)
            line = line.strip()
            if line == b"],":
                break
            if not line:
                raise RegionsError("it ends early", hint=_DAMAGED)
            yield _load(line.removesuffix(b","))
        rest = self._file.read(MAX_LINE)
        self._end = _load(b"{" + rest).get("end")

    def _read_whole(self) -> Any:
        size = os.fstat(self._file.fileno()).st_size
        if size > MAX_WHOLE:
            raise RegionsError(
                f"is not one line a frame, and larger than {MAX_WHOLE // 1_000_000} MB",
                hint="keep the layout that redact detect wrote",
            )
        self._file.seek(0)
        return _load(self._file.read())

    def _kept_items(self) -> Iterator[Any]:
        frames = self._whole.get("frames")
        if not isinstance(frames, list):
            raise RegionsError("it has no frames", hint=_DAMAGED)
        self._end = self._whole.get("end")
        yield from frames

    def _named(self) -> _Named:
        return _Named(self.path)


class _Named:
    """Puts the file's name before what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RegionsError) and not str(error).startswith(str(self._path)):
            raise RegionsError(f"{self._path}: {error}", hint=error.hint) from error
        if isinstance(error, OSError):
            raise RegionsError(f"{self._path}: cannot be read ({error.strerror})", hint="check the disk") from error


def _record(item: Any, index: int, side: int) -> Record:
    try:
        if _whole(item["index"], 2**40) != index:
            raise RegionsError(f"frame {index} is missing", hint=_DAMAGED)
        found = item["regions"]
        if not isinstance(found, list) or len(found) > MAX_REGIONS:
            raise RegionsError(f"frame {index} has too many regions", hint=_DAMAGED)
        whole = item.get("whole", "")
        regions = tuple(_region(region, side) for region in found)
        return Record(index, _whole(item["pts"], 2**62), regions, _text(whole) if whole else "")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, RegionsError):
            raise
        raise RegionsError(f"frame {index} is damaged ({_short(error)})", hint=_DAMAGED) from error


def _region(item: Any, side: int) -> Region:
    limit = _FARTHEST * side
    x1, y1, x2, y2 = (_number(edge, limit, -limit) for edge in item["box"])
    if x2 < x1 or y2 < y1:
        raise ValueError("a box is inside out")
    if item["kind"] not in KINDS or item["origin"] not in ORIGINS:
        raise ValueError("a kind or origin is unknown")
    return Region(item["kind"], _whole(item["track"], MAX_TRACK), (x1, y1, x2, y2), _number(item["score"], 1.001),
                  item["origin"])  # fmt: skip


def _number(value: Any, high: float, low: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError("a number is out of range")
    return float(value)


def _whole(value: Any, limit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
        raise ValueError("a number is out of range")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is not one")
    return value[:200]


def _short(error: Exception) -> str:
    return (f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split()))[:100]


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _load(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_not_a_number)
    except RecursionError:
        raise RegionsError("it is nested too deeply", hint=_DAMAGED) from None
    except ValueError as error:
        if isinstance(error, RegionsError):
            raise
        raise RegionsError(f"not JSON ({_short(error)})", hint=_DAMAGED) from error


def _not_a_number(name: str) -> NoReturn:
    raise RegionsError(f"it holds {name}, which is no number", hint=_DAMAGED)
