"""``redact stream`` as it is, but for the detector of its workers: scripted_service.py SOURCE FOLDER."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from redact.cli.live import log_events
from redact.live.board import Board
from redact.live.service import Running
from redact.live.supervisor import Supervisor
from tests.live.services import SCRIPTED, camera

if __name__ == "__main__":
    log_events(quiet=False, verbose=False)
    out = sys.argv[2]
    record = {"path": f"{out}/recordings", "segment": 2.0}
    yard = camera(sys.argv[1], loop=True, record=record, hls={"path": f"{out}/hls"})
    board = Board()
    supervisor = Supervisor(board, SCRIPTED)
    supervisor.apply({"yard": yard})
    Running(board, supervisor, None).run()
