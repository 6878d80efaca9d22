"""How each kind of live address is opened, by which protocols and no others, and what its refusals mean."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer

from redact.errors import LoginRefused, SourceError, StreamLost
from redact.media.addresses import Address, Transport

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_REACH = 1.5  # seconds for a camera to accept a connection: its system does that, however slow it is itself
_PROBE = 500_000  # bytes at most before the first picture: parameters come with the first key frame
_ANALYSE = 2_000_000  # microseconds at most, for streams whose key frames are further apart than that
_SOCKET = 2_000_000  # bytes of UDP waiting to be read: a key frame arrives as one burst
_REORDER = 200_000  # microseconds to wait for a UDP packet that others overtook


def dial(address: Address, transport: Transport, timeout: float) -> InputContainer:
    """Open ``address`` for reading. timeout: seconds, to open and for each read. Raises SourceError."""
    av.logging.set_level(None)  # FFmpeg would write addresses with their passwords to stderr
    url, form, options = _how(address, transport)
    # no ``nobuffer``: it throws away what was read while probing, the first key frame too
    options |= {"probesize": str(_PROBE), "analyzeduration": str(_ANALYSE), "fpsprobesize": "0"}
    began = time.monotonic()
    try:
        _reach(address, timeout)
        container: InputContainer = av.open(
            url, "r", format=form, container_options=options, metadata_errors="replace", timeout=(timeout, timeout)
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        # RTSP calls an answer that was given up on invalid, or the end
        late = time.monotonic() - began >= timeout
        waited = min(_REACH, timeout) if isinstance(error, TimeoutError) else timeout
        raise refusal(address, TimeoutError() if late else error, waited) from None  # its text holds the password
    return container


def _reach(address: Address, timeout: float) -> None:
    """Whether anything is there, before FFmpeg is asked to wait for it. Raises OSError.

    The system asks again after 1, 2, 4 seconds: who waits long for one answer hears nothing for seconds after a
    cable is mended, who asks anew hears it at once.
    """
    port = _PORTS.get(address.scheme)
    if port is not None:
        parts = urlsplit(address.text)
        with socket.create_connection((parts.hostname or "", parts.port or port), min(_REACH, timeout)):
            pass


def _how(address: Address, transport: Transport) -> tuple[str, str | None, dict[str, str]]:
    """(address, format, options) for FFmpeg."""
    text = address.text
    secure = address.scheme in ("rtsps", "https")
    tcp = "tls,tcp" if secure else "tcp"
    match address.kind:
        case "rtsp":
            carried = tcp if transport == "tcp" or secure else "rtp,udp,tcp"
            options = {
                "protocol_whitelist": carried,
                "rtsp_transport": "tcp" if secure else transport,
                "allowed_media_types": "video",  # sound is never even asked for
                "buffer_size": str(_SOCKET),
                "max_delay": str(_REORDER),
            }
            return text, "rtsp", options
        case "http":
            return text, None, {"protocol_whitelist": f"{address.scheme},{tcp}"}
        case "hls":
            # a playlist may name other servers, but never a file or a device of this machine
            options = {"protocol_whitelist": "http,https,tls,tcp,crypto", "live_start_index": "-1"}
            return text, "hls", options
        case "mpegts":
            return _bound(text), "mpegts", {"protocol_whitelist": "udp", "buffer_size": str(_SOCKET)}
        case "srt":
            return text, "mpegts", {"protocol_whitelist": "srt"}
        case _:
            return text, "video4linux2,v4l2", {"protocol_whitelist": ""}


def _bound(text: str) -> str:
    """A UDP address that listens where it says: FFmpeg would listen on every network of the machine."""
    parts = urlsplit(text)
    query = f"{parts.query}&" if parts.query else ""
    host = parts.hostname or ""
    first = int(host.split(".")[0]) if host.split(".")[0].isdigit() else 0
    local = f"localaddr={host}&" if host and not 224 <= first < 240 and not host.lower().startswith("ff") else ""
    return f"udp://{parts.netloc}{parts.path}?{query}{local}overrun_nonfatal=1"


def refusal(address: Address, error: Exception, timeout: float) -> SourceError:
    """What it means that ``address`` could not be opened."""
    shown = address.shown
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return LoginRefused(
            f"{shown}: the login was refused",
            hint="check user and password; percent-encode @ : / ? # in them (@ is %40)",
        )
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceError(f"{shown}: there is no such stream", hint="check the path after the host")
    if isinstance(error, av.error.ProtocolNotFoundError) and address.kind == "srt":
        return SourceError(
            f"{shown}: this build of PyAV has no SRT", hint="let the sender use RTSP, or MPEG-TS over udp://"
        )
    if isinstance(error, av.error.ConnectionRefusedError | ConnectionRefusedError):
        return SourceError(f"{shown}: nothing answers at that port", hint="check host and port, and that it is on")
    if isinstance(error, av.error.ExitError | TimeoutError):
        return StreamLost(f"{shown}: no answer in {timeout:.2g} s", hint="check that the camera is on and reachable")
    if address.kind == "device":
        return _no_device(address, error)
    if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
        return SourceError(f"{shown}: sends no video that can be read", hint="check the address, and what it sends")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceError(f"{shown}: cannot be opened ({reason.lower()})", hint="check the address and the network")


def _no_device(address: Address, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{address.shown}: no such device", hint="plug the camera in; ls /dev/video*")
    if isinstance(error, PermissionError):
        return SourceError(f"{address.shown}: may not be read", hint="put the user into the group video")
    reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
    return SourceError(f"{address.shown}: cannot be opened ({reason})", hint="close other programs that use it")


def why(error: Exception, timeout: float) -> str:
    """Why a stream stopped, in words."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return f"nothing came for {timeout:.2g} s"
    if isinstance(error, av.error.ConnectionResetError | av.error.BrokenPipeError):
        return "the connection was cut"
    return f"broke off ({(getattr(error, 'strerror', None) or type(error).__name__).lower()})"
