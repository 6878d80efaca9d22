"""Cover whatever is put into a folder: python examples/watch.py INBOX OUTBOX [--once].

A file is taken when its size has been the same for two looks; the original stays where it is. Ctrl-C ends it.
"""

import sys
import time
from pathlib import Path

import redact

inbox, outbox = Path(sys.argv[1]), Path(sys.argv[2])
policy = redact.Policy()
detector = redact.load_detector(policy.detector)
sizes: dict[Path, int] = {}
taken: dict[Path, int] = {}

while True:
    files = sorted(path for path in inbox.iterdir() if path.is_file())
    for path in files:
        size = path.stat().st_size
        if sizes.get(path) != size:
            sizes[path] = size  # new, or still being written
        elif taken.get(path) != size:
            taken[path] = size
            try:
                print(redact.redact_file(path, outbox / path.name, policy=policy, detector=detector).summary())
            except redact.RedactError as error:
                print(f"{path.name}: {error}", file=sys.stderr)
    if "--once" in sys.argv and all(path in taken for path in files):
        break
    time.sleep(2)
