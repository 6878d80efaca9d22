"""Show a camera, or a video file, covered: python examples/webcam.py [CAMERA NUMBER | FILE] [--out FILE].

Needs opencv-python for the window; with --out it needs none and writes a video instead. q ends it.
"""

import argparse

import cv2

import redact

parser = argparse.ArgumentParser()
parser.add_argument("source", nargs="?", default="0")
parser.add_argument("--out")
args = parser.parse_args()

camera = cv2.VideoCapture(int(args.source) if args.source.isdigit() else args.source)
rate = camera.get(cv2.CAP_PROP_FPS) or 25.0
size = int(camera.get(cv2.CAP_PROP_FRAME_WIDTH)), int(camera.get(cv2.CAP_PROP_FRAME_HEIGHT))
writer = cv2.VideoWriter(args.out, cv2.VideoWriter_fourcc(*"mp4v"), rate, size) if args.out else None
redactor = redact.Redactor(redact.Policy(lookahead=0.5), frame_rate=rate)


def show(frames) -> bool:
    for frame in frames:
        if writer:
            writer.write(frame)
        else:
            cv2.imshow("covered", frame)
            if cv2.waitKey(1) == ord("q"):
                return False
    return True


while (read := camera.read())[0] and show(redactor.push(read[1])):
    pass
show(redactor.flush())
if writer:
    writer.release()
