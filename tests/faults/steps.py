"""The steps of the pipeline, as rows of the matrix.

The functions themselves are found in the package; here is only which step each belongs to. A module or a function
that a job uses and that no row claims fails the suite: a new step comes with its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Step:
    """One row. holds: patterns of the functions that are this step. at: the function at which faults that need a
    process of their own are put in: hanging, slowness, memory of the system, kill -9."""

    name: str
    holds: tuple[str, ...]
    at: str


STEPS = (
    Step("open", ("media.source.open_source", "media.source.Source.__*__", "media.source.Source._open",
                  "media.source._origin", "media.source.Source.span", "media.source.Source.close",
                  "media.streams.*", "media.extent.*", "media.source._*"), "media.source.open_source"),
    Step("demux", ("media.source.Source._packets",), "media.source.Source._packets"),
    Step("decode", ("media.source.Source.*", "media.damage.*", "media.clock.*", "media.pixels.*", "frames.*"),
         "media.source.Source._decode"),
    Step("pages in", ("media.images.*", "media.profiles.*"), "media.images.Picture._page"),
    Step("look", ("looking.*", "scenes.*", "cadence.*", "polygons.*"), "looking.Looking.push"),
    Step("detect", ("detect.*", "detections.*", "geometry.*"), "detect.tiles.Search.__call__"),
    Step("track", ("track.*",), "track.Tracker.update"),
    Step("timeline", ("timeline.*", "regions.*"), "timeline.Timeline._settle"),
    Step("cover", ("cover.*",), "cover.Cover.__call__"),
    Step("threads", ("pipeline.*",), "pipeline.write"),
    Step("encode", ("media.sink.Sink.write", "media.sink.Sink._time_base", "media.sink.Sink._explained",
                    "media.sink.Sink._muxed", "media.encoders.*"), "media.sink.Sink.write"),
    Step("sound", ("media.sound.*",), "media.sound.Sound.until"),
    Step("mux", ("media.sink.open_sink", "media.sink._*", "media.sink.Sink.__*__"), "media.sink._container"),
    Step("pages out", ("media.image_sink.*", "media.modes.*"), "media.image_sink.PictureSink.write"),
    Step("commit", ("outfile.*", "media.sink.Sink.*"), "outfile.OutFile.commit"),
    Step("verify", ("verify.*",), "verify.check.Gate.__call__"),
    Step("regions file", ("regions_file.*",), "regions_file.RegionsWriter.write"),
    Step("exports", ("exports.*", "mot.*"), "mot.MotWriter.write"),
    Step("report", ("report.*", "tally.*", "digests.*", "cli.reports.*"), "report.Result.to_json"),
    Step("record", ("ledger*.*", "exemption*.*", "shown_text.*", "custody.*", "signature.*", "manifest.*", "units.*",
                    "cli.record.*"),
         "ledger.Ledger.append"),
    Step("job", ("recording.*", "steps.*", "picture.*", "policy.*"), "tally.Tally.over"),
    Step("library", ("redactor.*",), "redactor.Redactor._covered"),
    Step("camera", ("live.camera.*", "live.doubt.*", "live.slate.*", "live.backoff.*", "live.keys.*",
                    "live.secrets.*", "live.sinks.*", "live.config.*", "live.schedule.*", "media.addresses.*"),
         "live.camera.Sidecar._send"),
    Step("feed", ("live.feed.*", "live.stream_time.*"), "live.feed.Feed._put"),
    Step("lookout", ("live.lookout.*", "live.keeping_up.*"), "live.lookout.Lookout._search"),
    Step("live encode", ("media.live_encoder.*", "media.packets.*"), "media.live_encoder.LiveEncoder.encode"),
    Step("outputs", ("live.outputs.*", "live.retention.*", "media.segments.*", "media.hls.*", "media.muxing.*",
                     "media.fragments.*", "media.publish.*", "media.pipe.*"), "media.segments.Segments.write"),
    Step("preview", ("live.preview.*", "live.status.*"), "live.preview.preview"),
    Step("command", ("cli.*", "errors.*"), "cli.outputs.jobs"),
)  # fmt: skip


def step_of(function: str) -> str | None:
    """The first row that claims a function, given by its full name; None where none does."""
    short = function.removeprefix("redact.")
    for step in STEPS:
        if any(fnmatchcase(short, pattern) for pattern in step.holds):
            return step.name
    return None
