"""What deface covers, frame by frame: run by the interpreter of deface's own environment, not by ours.

    PYTHON benchmarks/deface_boxes.py EVERY CLIP... > boxes.json

Detection, threshold and mask scale are deface's own code and defaults. The answer is
{clip: {frame: [[x1, y1, x2, y2]]}}; deface covers the ellipse inside each box.
"""

import json
import sys

import cv2
import deface.deface as deface
from deface.centerface import CenterFace

THRESHOLD, MASK_SCALE = 0.2, 1.3  # of deface 1.5.0 --help


def boxes(path, finder, every):
    video = cv2.VideoCapture(path)
    index, found = -1, {}
    while True:
        index += 1
        ok, frame = video.read()
        if not ok:
            return found
        if index % every:
            continue
        height, width = frame.shape[:2]
        rows = []
        for row in finder(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), threshold=THRESHOLD)[0]:
            x1, y1, x2, y2 = deface.scale_bb(*row[:4].astype(int), MASK_SCALE)
            rows.append([int(max(0, x1)), int(max(0, y1)), int(min(width - 1, x2)), int(min(height - 1, y2))])
        found[index] = rows


def main():
    finder = CenterFace()
    json.dump({path: boxes(path, finder, int(sys.argv[1])) for path in sys.argv[2:]}, sys.stdout)


main()
