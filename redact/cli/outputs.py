"""Which files a command works on, and what their outputs are called."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from redact.errors import ConfigError, SinkError, SourceError
from redact.media.encoders import MUXERS
from redact.media.images import FORMATS

VIDEO_SUFFIXES = frozenset(
    [
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".h264",
        ".h265",
        ".hevc",
        ".ivf",
        ".m2ts",
        ".m4v",
        ".mjpeg",
        ".mjpg",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".obu",
        ".ogv",
        ".ps",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
"""Suffixes of videos that a folder is searched for; a file named on the command line may have any."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input and where its output goes. folder: the output goes into an output folder, which may not be there."""

    input: Path
    output: Path
    folder: bool = False


def jobs(inputs: Iterable[Path], output: str | None) -> list[Job]:
    """One job for every input file and every video and picture in an input folder, names and subfolders kept.

    output: a file for a single input file; a folder for a folder, for several inputs, or where it exists or ends in
    a slash; None for NAME.redacted beside each. Raises SourceError where a folder holds neither,
    ConfigError where two inputs would have the same output.
    """
    given = list(inputs)
    found = [(path, Path(path.name)) for path in given if not path.is_dir()]
    for folder in (path for path in given if path.is_dir()):
        inside = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in (VIDEO_SUFFIXES | FORMATS.keys()) and path.is_file()
        )
        if not inside:
            raise SourceError(f"{folder}: no video or picture in this folder", hint="name a file, or another folder")
        found += [(path, path.relative_to(folder)) for path in inside]
    if output is None:
        return _distinct(Job(path, path.with_name(f"{path.stem}.redacted{_suffix(path)}")) for path, _ in found)
    target = Path(output)
    single = len(given) == 1 and not given[0].is_dir()
    if single and not target.is_dir() and not output.endswith(("/", os.sep)):
        return [Job(found[0][0], target)]
    planned = _distinct(Job(path, (target / name).with_suffix(_suffix(path))) for path, name in found)
    return [replace(job, folder=True) for job in planned]


def make_folder(job: Job) -> None:
    """Make the folder of an output that goes into an output folder. Raises SinkError."""
    if not job.folder:
        return
    folder = job.output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{folder}: cannot be made ({error.strerror})", hint="name another folder with -o") from error


def _suffix(path: Path) -> str:
    # a container that cannot be written becomes MP4
    return path.suffix if path.suffix.lower() in MUXERS.keys() | FORMATS.keys() else ".mp4"


def _distinct(planned: Iterable[Job]) -> list[Job]:
    planned = list(planned)
    seen: dict[Path, Path] = {}
    for job in planned:
        other = seen.setdefault(job.output, job.input)
        if other != job.input:
            raise ConfigError(
                f"{other} and {job.input} would both become {job.output}", hint="redact them into different folders"
            )
    return planned
