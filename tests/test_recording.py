"""From file to covered file: what the library promises, on real files."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

import redact
from redact.detections import Detections
from redact.pipeline import settle
from tests.clips import Scripted, decode, make_clip, times

FACE = (0.4, 0.4, 0.6, 0.7)
LOSSLESS = redact.Encoding(codec="ffv1")
MISSED = {*range(1, 6), *range(20, 31)}


def always(index: int) -> list[tuple[float, float, float, float]]:
    return [FACE]


def run(source: Path, target: Path, detector, **settings) -> redact.Result:
    policy = redact.Policy(style="solid", color="#ff00ff", every=1, **settings)
    return redact.redact_file(source, target, policy=policy, encoding=LOSSLESS, detector=detector)


def clear_frames(source: Path, target: Path) -> list[int]:
    """Frames in which the middle of the face is as it was."""
    pairs = zip(decode(source), decode(target), strict=True)
    return [index for index, (was, now) in enumerate(pairs) if (was[110:120, 150:170] == now[110:120, 150:170]).all()]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv")


def test_missed_frames_are_covered_with_lookahead(clip, tmp_path):
    detector = Scripted(lambda index: [] if index in MISSED | {0} else [FACE])
    result = run(clip, tmp_path / "out.mkv", detector)
    assert clear_frames(clip, tmp_path / "out.mkv") == []
    assert result.frames == 60
    assert result.regions["reached"] == 6
    assert result.regions["filled"] == 11


def test_and_without_it_they_are_not(clip, tmp_path):
    detector = Scripted(lambda index: [] if index in MISSED | {0} else [FACE])
    run(clip, tmp_path / "out.mkv", detector, lookahead=0.0)
    assert clear_frames(clip, tmp_path / "out.mkv") == list(range(6))


def test_outside_the_regions_nothing_changes_bit_for_bit(clip, tmp_path):
    run(clip, tmp_path / "out.mkv", Scripted(always))
    for was, now in zip(decode(clip), decode(tmp_path / "out.mkv"), strict=True):
        same = was == now
        # the ellipse around the face of 64 x 80 pixels (its proportions are all faces'), grown 1.3, ends within these
        assert same[:240, :90].all()
        assert same[:240, 230:].all()
        assert same[:56].all()
        assert not same[110:120, 150:170].any()
    assert times(clip) == times(tmp_path / "out.mkv")


def test_the_same_input_gives_the_same_output(clip, tmp_path):
    for name in ("a.mkv", "b.mkv"):
        redact.redact_file(clip, tmp_path / name, encoding=LOSSLESS, detector=Scripted(always))
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("a.mkv", "b.mkv")}
    assert len(digests) == 1


class Broken:
    """A detector that works for a while and then does what ``fault`` does."""

    name = "broken"
    kinds = ("face", "person")

    def __init__(self, fault) -> None:
        self._fault = fault
        self._calls = 0

    def detect(self, rgb) -> Detections:
        self._calls += 1
        return self._fault(rgb) if self._calls > 20 else Detections.none()


def _raises(_rgb):
    raise RuntimeError("out of memory")


FAULTS = {
    "raises": _raises,
    "nan": lambda _: Detections.of([(np.nan, 0, 1, 1)], [0.9], "face"),
    "infinite": lambda _: Detections.of([(0, 0, np.inf, 1)], [0.9], "face"),
    "inside out": lambda _: Detections.of([(10, 10, 5, 5)], [0.9], "face"),
    "huge": lambda _: Detections.of([(0, 0, 1e9, 1e9)], [0.9], "face"),
    "score": lambda _: Detections.of([(0, 0, 10, 10)], [7.0], "face"),
    "shapes": lambda _: Detections(np.zeros((2, 4), np.float32), np.zeros(1, np.float32), np.zeros(2, np.int8)),
    "not detections": lambda _: [1, 2, 3],
    "none": lambda _: None,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_detector_that_fails_leaves_no_output(clip, tmp_path, fault):
    with pytest.raises(redact.DetectorError) as caught:
        run(clip, tmp_path / "out.mkv", Broken(FAULTS[fault]))
    assert list(tmp_path.iterdir()) == []
    assert "\n" not in str(caught.value)


def test_a_detector_that_hangs_is_given_up(clip, tmp_path):
    from redact.looking import Looking
    from redact.policy import Policy
    from redact.timeline import Timeline

    def hang(_frame) -> Detections:
        time.sleep(3)
        return Detections.none()

    began = time.monotonic()
    looking, timeline = Looking(hang, Policy()), Timeline(Policy(), {"face": 0.5})
    with (
        pytest.raises(redact.DetectorError, match="not answered"),
        redact.open_source(clip) as source,
        settle(source, looking, timeline, timeout=0.5) as frames,
    ):
        list(frames)
    assert time.monotonic() - began < 10


def test_a_sink_that_fails_stops_the_run(clip, tmp_path, monkeypatch):
    from redact.media.sink import Sink

    def full(self, redacted):
        raise redact.SinkError("the disk is full")

    monkeypatch.setattr(Sink, "write", full)
    with pytest.raises(redact.SinkError, match="full"):
        run(clip, tmp_path / "out.mkv", Scripted(always))
    assert list(tmp_path.iterdir()) == []


def test_never_regions_leave_a_poster_clear_and_people_covered(clip, tmp_path):
    poster = ((0.35, 0.35), (0.65, 0.35), (0.65, 0.75), (0.35, 0.75))
    run(clip, tmp_path / "poster.mkv", Scripted(always), never=(poster,))
    assert len(clear_frames(clip, tmp_path / "poster.mkv")) == 60
    run(clip, tmp_path / "person.mkv", Scripted(lambda _: [(0.3, 0.3, 0.7, 0.9)]), never=(poster,))
    assert clear_frames(clip, tmp_path / "person.mkv") == []


def test_a_cut_is_looked_at_on_both_sides(tmp_path):
    import av

    from tests.clips import RATE, picture

    path = tmp_path / "cut.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(40):
            shown = picture(0) if index < 20 else 255 - picture(0)[::-1]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), "bgr24")))
        container.mux(stream.encode(None))
    detector = Scripted(always)
    policy = redact.Policy(style="solid", every=15)
    result = redact.redact_file(path, tmp_path / "out.mkv", policy=policy, encoding=LOSSLESS, detector=detector)
    assert len(result.tracks) == 2  # the cut ended the first
    assert clear_frames(path, tmp_path / "out.mkv") == []
    assert result.looks == 6  # 0, 15, both sides of the cut, 30, and the last


def test_progress_and_result_agree(clip, tmp_path):
    seen = []
    result = redact.redact_file(
        clip, tmp_path / "out.mkv", encoding=LOSSLESS, detector=Scripted(always), progress=seen.append
    )
    assert [item.frames for item in seen] == list(range(1, 61))
    assert seen[-1].found == {"face": 1}
    assert result.summary().startswith(f"{tmp_path / 'out.mkv'}: 60 frames (2.4 s) · covered 1 face")
    assert result.duration == pytest.approx(2.4)


def test_memory_does_not_grow_with_length(tmp_path):
    """Frames alive at any time: those in flight, whatever the length."""
    import gc

    from redact.frames import Frame

    path = make_clip(tmp_path / "long.mkv", 400, codec="libx264")
    most = 0

    def count(_progress) -> None:
        nonlocal most
        if _progress.frames % 50 == 0:
            gc.collect()
            most = max(most, sum(type(item) is Frame for item in gc.get_objects()))

    redact.redact_file(path, tmp_path / "out.mkv", detector=Scripted(always), progress=count)
    assert most < 25 + 4 * 4 + 10  # a second of lookahead and the queues
