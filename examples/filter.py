"""Cover a video in one's own PyAV loop: python examples/filter.py IN OUT.

The frames keep their times and pixel format; between push and encode there is room for whatever else is to be done.
"""

import sys

import av

import redact

source, target = sys.argv[1:3]
redactor = redact.Redactor(redact.Policy(style="mosaic"))

with av.open(source) as reader, av.open(target, "w") as writer:
    video = reader.streams.video[0]
    output = writer.add_stream("libx264", rate=video.average_rate, options={"crf": "18"})
    output.width, output.height, output.pix_fmt = video.width, video.height, "yuv420p"
    output.time_base = video.time_base

    def encode(frames):
        for frame in frames:
            frame.pict_type = 0  # the decoder's, which the encoder would take for an order
            writer.mux(output.encode(frame))

    for frame in reader.decode(video):
        encode(redactor.push(frame.reformat(format="yuv420p")))
    encode(redactor.flush())
    writer.mux(output.encode(None))
