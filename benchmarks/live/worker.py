"""A worker as it is, which also notes when each covered frame is handed to the sinks, and when that frame came.

REDACT_BENCH_MOMENTS names a folder; a file for each process is written there, two doubles a frame. What the board
knows is up to half a second old, which would count as age.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from redact.live import worker
from redact.live.outputs import Outputs
from redact.media.packets import RedactedPacket

MOMENT = struct.Struct("<dd")


def main() -> None:
    """Run the camera that the supervisor names."""
    moments = open(Path(os.environ["REDACT_BENCH_MOMENTS"], sys.argv[1]), "ab", buffering=0)  # noqa: SIM115
    put = Outputs.put

    def noted(self: Outputs, packets: Sequence[RedactedPacket]) -> None:
        put(self, packets)
        for packet in packets:
            moments.write(MOMENT.pack(time.time(), packet.taken))

    Outputs.put = noted  # type: ignore[method-assign]
    worker.main()


if __name__ == "__main__":
    main()
