"""``redact stream``: one camera, without a configuration."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from redact.cli.console import DONE, FAILED, Quiet, Verbose, say
from redact.cli.live import camera_of, log_events, need_live, own_stdout, summary
from redact.cli.options import with_settings
from redact.policy import LIVE_LOOKAHEAD, Policy


class Transport(StrEnum):
    """How RTSP carries the pictures."""

    tcp = "tcp"
    udp = "udp"


class OnDetectorError(StrEnum):
    """What happens when detection fails."""

    cover = "cover"
    stop = "stop"


@with_settings(defaults={"lookahead": LIVE_LOOKAHEAD})
def stream(
    source: Annotated[
        str,
        typer.Argument(
            help="Camera or file: rtsp://, http:// (MJPEG, HLS), udp://, srt://, /dev/video0, or a path.",
            show_default=False,
        ),
    ],
    sinks: Annotated[
        list[str],
        typer.Argument(
            help="Where the covered stream goes: rtsp:// address to publish to, folder for recordings,"
            " FOLDER/index.m3u8 for HLS, - for MPEG-TS on stdout.",
            show_default=False,
        ),
    ],
    policy: Policy,
    name: Annotated[str, typer.Option("--name", help="The camera's name, as recordings and the page show it.")] = (
        "camera"
    ),
    loop: Annotated[bool, typer.Option("--loop", help="Play a file again and again.")] = False,
    transport: Annotated[Transport, typer.Option("--transport", help="How RTSP carries the pictures.")] = (
        Transport.tcp
    ),
    on_detector_error: Annotated[
        OnDetectorError,
        typer.Option(
            "--on-detector-error", help="When detection fails: cover frames whole, or show no more of them."
        ),
    ] = OnDetectorError.cover,
    http: Annotated[
        str | None,
        typer.Option(
            "--http",
            help="HOST:PORT of a status page, for example 127.0.0.1:9110.",
            metavar="HOST:PORT",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Cover a camera live: pass on, record and show nothing that has not been covered.

    redact stream rtsp://user:pass@camera/stream rtsp://127.0.0.1:8554/yard

    redact stream samples/lobby.mp4 out/ --loop
    """
    need_live()
    from redact.live.board import Board
    from redact.live.config import Http
    from redact.live.secrets import mask
    from redact.live.service import Running
    from redact.live.supervisor import Supervisor
    from redact.live.title import hide_secrets

    log_events(quiet, verbose)
    camera, wants_stdout = camera_of(
        name,
        source,
        sinks,
        os.environ,
        loop=loop,
        transport=transport.value,
        policy=policy,
        on_detector_error=on_detector_error.value,
    )
    hide_secrets()
    listen = None if http is None else Http(listen=http, token=os.environ.get("REDACT_HTTP_TOKEN") or None)
    board = Board()
    with own_stdout(wants_stdout) as descriptor:
        supervisor = Supervisor(board, stdout=descriptor)
        supervisor.apply({name: camera})
        if not quiet:
            places = ", ".join(mask(sink) if sink != "-" else "stdout" for sink in sinks)
            say(f"{mask(source)} → {places}; covering {', '.join(policy.find)}; Ctrl-C ends it")
        Running(board, supervisor, listen).run()
    (ended,) = board.cameras()
    if not quiet:
        say(summary(ended))
    return DONE if ended.status is not None and ended.status.frames_out else FAILED
