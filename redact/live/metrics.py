"""The board in the words of Prometheus. docs/metrics.md explains every line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from redact.digests import tool
from redact.live.board import Board, CameraBoard
from redact.live.shown import shown
from redact.live.status import State, Status

Values = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of every camera. labels: besides ``camera``. read: values by those labels; none is no line."""

    kind: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    help: str
    read: Callable[[CameraBoard], Values]
    labels: tuple[str, ...] = ()


def _of_camera(value: Callable[[CameraBoard], float | None]) -> Callable[[CameraBoard], Values]:
    def read(camera: CameraBoard) -> Values:
        found = value(camera)
        return [] if found is None else [((), found)]

    return read


def _of_status(value: Callable[[Status], float | None]) -> Callable[[CameraBoard], Values]:
    return _of_camera(lambda camera: None if camera.status is None else value(camera.status))


def _by_label(values: Callable[[Status], Mapping[str, float]]) -> Callable[[CameraBoard], Values]:
    def read(camera: CameraBoard) -> Values:
        return [] if camera.status is None else [((label,), v) for label, v in values(camera.status).items()]

    return read


_Counter, _Gauge = CounterMetricFamily, GaugeMetricFamily

FAMILIES: tuple[Family, ...] = (
    Family(
        _Gauge,
        "redact_camera_ready",
        "1 where covered pictures go out to every output, else 0.",
        _of_camera(lambda camera: camera.well),
    ),
    Family(
        _Gauge,
        "redact_camera_state",
        "1 for the state that the camera is in, 0 for the others.",
        _by_label(lambda status: {state: state == status.state for state in get_args(State)}),
        ("state",),
    ),
    Family(
        _Gauge,
        "redact_camera_state_since_timestamp_seconds",
        "When the camera came into its state, seconds since the epoch.",
        _of_camera(lambda camera: camera.since),
    ),
    Family(
        _Gauge,
        "redact_camera_last_fault_timestamp_seconds",
        "When something last went wrong, seconds since the epoch; no line where nothing did.",
        _of_status(lambda status: status.fault_at),
    ),
    Family(
        _Counter,
        "redact_frames_in_total",
        "Frames that came from the camera and were decoded.",
        _of_status(lambda status: status.frames_in),
    ),
    Family(
        _Counter,
        "redact_frames_out_total",
        "Covered frames that were handed to the outputs.",
        _of_status(lambda status: status.frames_out),
    ),
    Family(
        _Counter,
        "redact_frames_dropped_total",
        "Frames that were never shown because there was no time for them.",
        _of_status(lambda status: status.dropped),
    ),
    Family(
        _Counter,
        "redact_frames_covered_whole_total",
        "Frames that were covered whole, by reason.",
        _by_label(lambda status: status.whole),
        ("reason",),
    ),
    Family(
        _Counter,
        "redact_slates_total",
        "Pictures with a reason in words that were shown in place of frames.",
        _of_status(lambda status: status.slates),
    ),
    Family(
        _Counter,
        "redact_looks_total",
        "Times that the detector has looked at a frame.",
        _of_status(lambda status: status.looks),
    ),
    Family(
        _Counter,
        "redact_detections_total",
        "What the detector found, by kind; a person seen in ten looks counts ten times.",
        _by_label(lambda status: status.detections),
        ("kind",),
    ),
    Family(
        _Counter,
        "redact_stage_seconds_total",
        "Time spent, by stage; divide by redact_frames_in_total for the time per frame.",
        _by_label(lambda status: status.seconds),
        ("stage",),
    ),
    Family(
        _Gauge,
        "redact_published_age_seconds",
        "Age of the newest frame that was handed to the outputs; no line before the first.",
        _of_status(lambda status: status.age),
    ),
    Family(
        _Gauge,
        "redact_keeping_up_level",
        "How far detection was cut back to keep up with the camera; 0 is not at all.",
        _of_status(lambda status: status.level),
    ),
    Family(
        _Counter,
        "redact_connects_total",
        "Tries to reach the camera.",
        _of_status(lambda status: status.connects),
    ),
    Family(
        _Counter,
        "redact_worker_restarts_total",
        "Workers that were started after the camera's first.",
        _of_camera(lambda camera: camera.restarts),
    ),
    Family(
        _Gauge,
        "redact_worker_memory_bytes",
        "Resident memory of the camera's worker; 0 where none runs.",
        _of_camera(lambda camera: camera.rss),
    ),
    Family(
        _Counter,
        "redact_stored_bytes_total",
        "Bytes of covered video that were written to disk.",
        _of_status(lambda status: status.stored),
    ),
    Family(
        _Gauge,
        "redact_output_up",
        "1 where the output takes frames now, else 0.",
        _by_label(lambda status: {output.name: output.open for output in status.outputs}),
        ("output",),
    ),
    Family(
        _Counter,
        "redact_output_frames_total",
        "Covered frames that the output took.",
        _by_label(lambda status: {output.name: output.frames for output in status.outputs}),
        ("output",),
    ),
    Family(
        _Counter,
        "redact_output_frames_dropped_total",
        "Covered frames that the output was too slow for.",
        _by_label(lambda status: {output.name: output.dropped for output in status.outputs}),
        ("output",),
    ),
)
"""Every metric that cameras have, in the order in which they are told."""

OTHERS: dict[str, str] = {
    "redact_build_info": "1, with the version of redact as its label.",
    "redact_config_fault": "1 where the configuration on disk was refused and an older one runs on, else 0.",
}
"""The metrics that belong to no camera."""


class BoardCollector(Collector):
    """Reads a board whenever it is asked."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """Every metric. Of one without a value only the head is told."""
        name = "redact_build_info"
        build = _Gauge(name, OTHERS[name], labels=("version",))
        build.add_metric((tool().removeprefix("redact").strip() or "unknown",), 1)
        yield build
        name = "redact_config_fault"
        yield _Gauge(name, OTHERS[name], value=bool(self._board.config_fault))
        cameras = shown(self._board)
        for family in FAMILIES:
            told = family.kind(family.name, family.help, labels=("camera", *family.labels))
            for camera in cameras:
                for labels, value in family.read(camera):
                    told.add_metric((camera.name, *labels), float(value))
            yield told


def registry(board: Board) -> CollectorRegistry:
    """The metrics of a board, and of the process that keeps it."""
    registry = CollectorRegistry()
    registry.register(BoardCollector(board))
    ProcessCollector(registry=registry)
    return registry
