"""A worker as it is, but for its detector: one that finds beacons, and misbehaves as a file tells it to.

REDACT_TEST_MODE names that file; it holds one of the modes of ``Beacons``. ``die`` kills the process in mid-look.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from redact.live import worker
from tests.live.sidecars import Beacons


class Told(Beacons):
    def detect(self, rgb):
        path = Path(os.environ["REDACT_TEST_MODE"])
        mode = path.read_text().strip()
        if mode == "die":
            path.write_text("fine")
            os.kill(os.getpid(), signal.SIGKILL)
        self.mode = mode
        if mode == "hang":
            while path.read_text().strip() == "hang":
                self.mode = "fine"
                signal.sigtimedwait([], 0.05)
        if mode == "leak":
            self.hoard = [*getattr(self, "hoard", []), bytearray(os.urandom(20_000_000))]
        self.mode = path.read_text().strip()
        return super().detect(rgb)


if __name__ == "__main__":
    worker.main(lambda camera: Told())
