"""A camera as a job: its loop in this process, with real recordings, a playlist and previews of what it sees."""

from __future__ import annotations

import io
import threading
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
from PIL import Image

from tests.faults.jobs import Shown, shown_in
from tests.live.sidecars import Beacons, Scene, green, opening

FRAMES = 12
RATE = 25.0
_PATIENCE = 5.0  # seconds for a loop that takes one; after them a supervisor would end it
_ENDS = 12.0  # seconds to end in when asked to
_LEAST = 3  # pixels of a beacon that count as seen


def shows_a_beacon(picture: Shown) -> bool:
    """Whether a picture, B G R, shows any of what is to be covered."""
    return int(green(picture[..., ::-1]).sum()) > _LEAST


def camera(folder: Path) -> tuple[list[Shown], tuple[str, ...]]:
    """Run a camera until its scene is over, or for a while where a fault has blocked it."""
    from redact.live.camera import Sidecar
    from redact.live.config import Camera
    from redact.live.outputs import Outputs
    from redact.live.sinks import outputs_of
    from redact.live.status import Preview
    from redact.policy import Policy

    outputs = folder / "out"
    settings = Camera.model_validate(
        {
            "name": "yard",
            "source": "rtsp://10.0.0.5/yard",
            "record": {"path": str(outputs), "segment": 1.0},
            "hls": {"path": str(outputs / "hls")},
            "policy": Policy(lookahead=0.2),
        }
    )
    told: list[Preview] = []
    failed: list[BaseException] = []
    stop = threading.Event()

    def run() -> None:
        try:
            sidecar = Sidecar(
                settings,
                Outputs(list(outputs_of(settings, None, gone=stop.set))),
                lambda said: told.append(said) if isinstance(said, Preview) else None,
                open=opening(partial(Scene, rate=RATE, frames=FRAMES)),
                load=Beacons,
                file=True,
            )
            sidecar.run(stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    stop.set()
    thread.join(_ENDS)
    shown = [np.asarray(Image.open(io.BytesIO(item.jpeg)).convert("RGB"))[..., ::-1] for item in told]
    if failed:
        failed[0].out = shown  # type: ignore[attr-defined]
        raise failed[0]
    return shown, ("it had to be ended",) if thread.is_alive() else ()


def check(folder: Path, inputs: set[str], out: list[Shown], done: bool, *, killed: bool) -> str:
    """Whatever was recorded, listed or shown, whole or broken off: no beacon, and nothing beside the outputs."""
    strange = {path.name for path in folder.iterdir()} - inputs - {"out"}
    assert not strange, f"left behind: {sorted(strange)}"
    pictures = list(out)
    for path in sorted((folder / "out").rglob("*")) if (folder / "out").exists() else []:
        if path.is_file() and path.stat().st_size:
            pictures += _pictures(path)  # whatever it is called, it may hold some
    seen = sum(map(shows_a_beacon, pictures))
    assert not seen, f"a beacon shows in {seen} of {len(pictures)} pictures"
    return "covered" if pictures else "no output"


def _pictures(path: Path) -> list[Shown]:
    if path.name.removesuffix(".part").rpartition(".")[2] in ("mp4", "ts"):
        return shown_in(path)
    # a fragment is read behind the head of its stream
    heads = sorted(path.parent.glob("*-start.mp4"))
    with NamedTemporaryFile(suffix=".mp4") as whole:
        whole.write(b"".join(other.read_bytes() for other in [*heads[-1:], path]))
        whole.flush()
        return shown_in(Path(whole.name))
