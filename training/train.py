"""Training: a resumable loop that gives the same result whether it was interrupted or not.

Batch number i is made from the seed and i alone, so a checkpoint needs to remember only how far it came.
"""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.distributed as distributed
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from redact.geometry import nms

from . import augment
from .data import Example, load, split
from .loss import assign, losses
from .measure import Sightings, join, sight
from .network import KINDS, PLANS, Decoded, Detector, from_onnx, normalise
from .teachers import Answer, padded, scaled

log = logging.getLogger(__name__)

SCENES = 0.4  # share of crops that show a whole picture


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run makes of the same data."""

    plan: str = "guard-s"
    steps: int = 10_000
    batch: int = 32  # crops
    side: int = 320  # pixels, a multiple of 64
    wide: int = 3  # every so many batches one of a quarter as many crops, twice as wide: for what fills the picture
    rate: float = 1e-3  # of AdamW, at its highest
    final: float = 0.01  # share of `rate` that is left at the end
    warmup: int = 200  # steps
    decay: float = 0.02
    average: float = 0.999  # of the weights' exponential moving average
    frozen: str = ""  # what is not trained: names that start with one of these, by comma
    seed: int = 1

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.rate * (self.final + (1 - self.final) * (1 + math.cos(math.pi * done)) / 2)


@dataclass(frozen=True)
class Team:
    """The processes that train together, each on its part of every batch.

    On shared processors two processes of one thread that wait for each other once a step get far more done than one
    of two threads that wait for each other in every layer.
    """

    rank: int = 0
    size: int = 1

    def join(self, port: int) -> None:
        """Wait for the others. There is no time limit: the whole team may be stopped and continued."""
        if self.size > 1:
            address = f"tcp://127.0.0.1:{port}"
            distributed.init_process_group(
                "gloo", init_method=address, rank=self.rank, world_size=self.size, timeout=timedelta(days=7)
            )

    def share(self, parameters: list[nn.Parameter], stop: bool) -> bool:
        """Average the gradients over the team; whether anybody wants to stop."""
        if self.size == 1:
            return stop
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([*(g.flatten() for g in gradients), torch.tensor([float(stop)], device=gradients[0].device)])
        distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
        return bool(flat[-1] > 0)


@dataclass(frozen=True)
class Batch:
    """`image` uint8 N x S x S x 3, `state` int8 N x M x 2, `boxes` float32 N x M x 2 x 4."""

    image: Tensor
    state: Tensor
    boxes: Tensor


class Batches(Dataset[Batch]):
    """Batch i of a run. Pictures are decoded once and shared by the workers."""

    def __init__(self, examples: list[Example], recipe: Recipe, team: Team):
        self.examples, self.recipe, self.team = examples, recipe, team
        self.pixels = [e.read() for e in examples]
        self.strides = PLANS[recipe.plan].strides
        groups: dict[str, list[int]] = {}
        for index, example in enumerate(examples):
            groups.setdefault(example.group, []).append(index)
        self.groups = list(groups.values())
        weight = np.array([len(g) ** 0.75 for g in self.groups])  # small sets a little more often than their share
        self.weight: NDArray[np.float64] = weight / weight.sum()
        self.empty = [i for i, e in enumerate(examples) if not any(len(t.sure) + len(t.unsure) for t in e.truths)]
        self.donors = [i for i, e in enumerate(examples) if len(e.truths[1].sure)]

    def __len__(self) -> int:
        return self.recipe.steps

    def _pick(self, rng: np.random.Generator) -> int:
        group = self.groups[int(rng.choice(len(self.groups), p=self.weight))]
        return group[int(rng.integers(len(group)))]

    def crop(self, rng: np.random.Generator, side: int) -> augment.Crop:
        """One training crop, `side` pixels wide and high."""
        if rng.random() < SCENES:
            bare = rng.random() < 0.1 and self.empty
            index = self.empty[int(rng.integers(len(self.empty)))] if bare else self._pick(rng)
            return augment.damage(rng, augment.scene(rng, self.examples[index], self.pixels[index], side))
        chance = rng.random()
        if chance < 0.5:
            count = 9 if chance < 0.12 else 4
            picks = [self._pick(rng) for _ in range(count)]
            crop = augment.mosaic(rng, [self.examples[i] for i in picks], [self.pixels[i] for i in picks], side)
        else:
            bare = chance > 0.95 and self.empty
            index = self.empty[int(rng.integers(len(self.empty)))] if bare else self._pick(rng)
            crop = augment.view(rng, self.examples[index], self.pixels[index], side, side, 0.8)
            if self.donors and rng.random() < (0.7 if bare else 0.06):
                donor = self.donors[int(rng.integers(len(self.donors)))]
                crop = augment.paste(rng, crop, self.examples[donor], self.pixels[donor])
        return augment.damage(rng, crop)

    def __getitem__(self, step: int) -> Batch:
        return self.part(step, self.team.rank)

    def part(self, step: int, rank: int) -> Batch:
        """The part of batch `step` that the member `rank` of the team trains on."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.recipe.seed, step, rank))
        count, side = self.recipe.batch // self.team.size, self.recipe.side
        if self.recipe.wide and step % self.recipe.wide == 0 and step:
            count, side = max(1, count // 4), 2 * side
        crops = [self.crop(rng, side) for _ in range(count)]
        targets = [assign(c, self.strides) for c in crops]
        return Batch(
            torch.from_numpy(np.stack([c.image for c in crops])),
            torch.from_numpy(np.stack([t.state for t in targets])),
            torch.from_numpy(np.stack([t.boxes for t in targets])),
        )


def _as_is(batch: Any) -> Any:
    return batch


def batches(source: Batches, start: int, workers: int) -> Iterator[Batch]:
    """Batches from number `start` on."""
    loader = DataLoader(
        source,
        batch_size=None,
        sampler=range(start, source.recipe.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        collate_fn=_as_is,
    )
    return iter(loader)


class Average:
    """The exponential moving average of a network's weights and statistics."""

    def __init__(self, network: nn.Module, keep: float):
        self.keep = keep
        self.state = {k: v.detach().clone() for k, v in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        keep = min(self.keep, (step + 1) / (step + 10))  # the first steps are not to be remembered for long
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - keep)
            else:
                self.state[name].copy_(value)


def begin(recipe: Recipe, source: Path | None, sample: Tensor) -> Detector:
    """A fresh network, or one that starts from an exported detector or from the average of a checkpoint.

    From a checkpoint of a smaller plan everything that has the same name and shape is taken; residual blocks that
    were added begin as shortcuts, so the grown network computes what the small one did.
    """
    torch.manual_seed(recipe.seed)
    network = Detector(PLANS[recipe.plan])
    if source is None:
        return network
    if source.suffix == ".onnx":
        from_onnx(network, source)
        normalise(network, sample)
    else:
        stored = torch.load(source, map_location="cpu", weights_only=True)
        network.grow_from(stored["average"])
    return network


def freeze(network: Detector, beginnings: tuple[str, ...]) -> None:
    """Neither weights nor statistics of what is named so change any more."""
    for name, module in network.named_modules():
        if beginnings and name.startswith(beginnings):
            module.eval().requires_grad_(False)


def optimiser(network: Detector, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; weight decay for filters only, not for normalisation and biases."""
    filters = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": filters, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.rate)


@torch.no_grad()
def detect(network: nn.Module, bgr: NDArray[np.uint8], long_side: int, floor: float = 0.05) -> list[Answer]:
    """Boxes (pixels of the picture) and scores per kind, after suppression."""
    small, scale = scaled(bgr, long_side)
    device = next(network.parameters()).device
    scores, boxes = network(torch.from_numpy(padded(small, 64))[None].to(device))
    answer = []
    for kind in range(len(KINDS)):
        keep = (scores[0, :, kind] >= floor).cpu().numpy()
        s, b = scores[0, :, kind].cpu().numpy()[keep], boxes[0, :, kind].cpu().numpy()[keep] / scale
        stay = nms(b, s, 0.45)
        answer.append((b[stay].astype(np.float32), s[stay].astype(np.float32)))
    return answer


LONG_SIDES = (416, 512)  # per kind: the longer side at which development pictures are looked at


def develop(network: Detector, examples: list[Example]) -> list[Sightings]:
    """Sightings per kind on human-labelled pictures."""
    decoded = Decoded(network).eval()
    parts: list[list[Sightings]] = [[] for _ in KINDS]
    for example in examples:
        pixels = example.read()
        for kind, by_hand in enumerate(example.human):
            if by_hand:
                boxes, scores = detect(decoded, pixels, LONG_SIDES[kind])[kind]
                parts[kind].append(sight(boxes, scores, example.truths[kind], kind, 12))
    return [join(p) if p else Sightings(*(np.zeros(0, np.float32),) * 3, 1) for p in parts]


class Run:
    """One training run in its folder: checkpoint.pt, log.jsonl, curves.png."""

    def __init__(self, folder: Path, recipe: Recipe, *, team: Team | None = None, compile_network: bool = False):
        self.folder, self.recipe, self.compile = folder, recipe, compile_network
        self.team = team or Team()
        self.step = 0
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.stopping = False

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def prepare(self, examples: list[Example], source: Path | None, workers: int) -> None:
        """Network, optimiser and data: from the checkpoint when there is one, else from `source`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = Batches(examples, self.recipe, self.team)
        stored: dict[str, Any] | None = None
        if self.checkpoint.exists():
            stored = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            self.step = stored["step"]
        # workers are forked before torch starts its threads
        self.batches = batches(data, self.step, workers)
        sample = data.part(0, 0).image if stored is None else torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
        self.network = begin(self.recipe, None if stored else source, sample)
        if stored:
            self.network.load_state_dict(stored["network"])
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.network, self.recipe.average)
        self.network.train()
        freeze(self.network, tuple(filter(None, self.recipe.frozen.split(","))))
        self.optimiser = optimiser(self.network, self.recipe)
        if stored:
            self.average.state = {k: v.to(self.device) for k, v in stored["average"].items()}
            self.optimiser.load_state_dict(stored["optimiser"])

    def save(self) -> None:
        """Write the checkpoint; the old one stays until the new one is complete."""
        part = self.checkpoint.with_suffix(".part")
        torch.save(
            {
                "step": self.step,
                "recipe": asdict(self.recipe),
                "network": self.network.state_dict(),
                "average": self.average.state,
                "optimiser": self.optimiser.state_dict(),
            },
            part,
        )
        part.replace(self.checkpoint)

    def averaged(self) -> Detector:
        """A copy of the network with the averaged weights."""
        network = Detector(PLANS[self.recipe.plan]).to(self.device)
        network.load_state_dict(self.average.state)
        return network.eval()

    def _log(self, **values: float) -> None:
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps({"step": self.step, **{k: round(v, 5) for k, v in values.items()}}) + "\n")
        log.info("step %d  %s", self.step, "  ".join(f"{k} {v:.4g}" for k, v in values.items()))

    def advance(self, forward: Any, batch: Batch) -> tuple[float, float]:
        """One step; the score loss and the box loss before it."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate_at(self.step)
        image, state, boxes = (t.to(self.device) for t in (batch.image, batch.state, batch.boxes))
        with torch.autocast(self.device.type, torch.bfloat16):
            levels = forward(image)
        loss = losses(levels, state, boxes)
        self.optimiser.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        self.stopping = self.team.share(list(self.network.parameters()), self.stopping)
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimiser.step()
        self.average.update(self.network, self.step)
        self.step += 1
        return float(loss.score.detach()), float(loss.box.detach())

    def run(
        self, held: list[Example], *, every: int = 50, keep: int = 250, look: int = 1000, until: int | None = None
    ) -> None:
        """Train to the end of the recipe (or to step `until`); look at the held-out pictures every `look` steps."""
        signal.signal(signal.SIGTERM, self._stop)
        forward = torch.compile(self.network) if self.compile else self.network
        sums, since, began = np.zeros(2), 0, time.monotonic()
        last = self.recipe.steps if until is None else min(until, self.recipe.steps)
        while self.step < last and not self.stopping:
            sums += self.advance(forward, next(self.batches))
            since += 1
            if self.step % every == 0 and not self.team.rank:
                seconds = time.monotonic() - began
                score, box = sums / since
                self._log(
                    score=score,
                    box=box,
                    rate=self.recipe.rate_at(self.step),
                    crops_per_s=since * self.recipe.batch / seconds,
                )
                sums, since, began = np.zeros(2), 0, time.monotonic()
            if self.team.rank:
                continue
            if self.step % keep == 0:
                self.save()
            if self.step % look == 0 or self.step == last:
                self.look(held)
                began = time.monotonic()
        if not self.team.rank:
            self.save()

    def look(self, held: list[Example]) -> None:
        """Log recall on the held-out pictures at one false positive in two pictures."""
        values = {}
        for kind, seen in zip(KINDS, develop(self.averaged(), held), strict=True):
            for per_picture in (0.2, 1.0):
                values[f"{kind}_recall_at_{per_picture}"] = seen.recall(seen.threshold_for_false(per_picture))
        self._log(**values)
        curves(self.folder)

    def _stop(self, *_: object) -> None:
        self.stopping = True


def curves(folder: Path) -> None:
    """Draw log.jsonl as curves.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    for name in ("score", "box"):
        points = [(r["step"], r[name]) for r in rows if name in r]
        if points:
            left.plot(*zip(*points, strict=True), label=f"{name} loss")
    for name in sorted({k for r in rows for k in r if "recall" in k}):
        points = [(r["step"], r[name]) for r in rows if name in r]
        right.plot(*zip(*points, strict=True), marker=".", label=name.replace("_", " "))
    for axes in (left, right):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.tight_layout()
    figure.savefig(folder / "curves.png", dpi=110)
    pyplot.close(figure)


def train(
    data: Path,
    labels: Path | None,
    folder: Path,
    recipe: Recipe,
    source: Path | None = None,
    *,
    processes: int = 1,
    workers: int = 1,
    compile_network: bool = False,
) -> None:
    """Train on a data folder; goes on where the run in `folder` was left."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    common = (data, labels, folder, recipe, source, workers, compile_network, port)
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_member, args=(Team(r, processes), *common), daemon=not workers)
        for r in range(1, processes)
    ]
    for other in others:
        other.start()
    _member(Team(0, processes), *common)
    for other in others:
        other.join()


def _member(
    team: Team,
    data: Path,
    labels: Path | None,
    folder: Path,
    recipe: Recipe,
    source: Path | None,
    workers: int,
    compile_network: bool,
    port: int,
) -> None:
    if team.size > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // team.size))
    examples, held = split(load(data, labels))
    run = Run(folder, recipe, team=team, compile_network=compile_network)
    run.prepare(examples, source, workers)
    team.join(port)
    if not team.rank:
        log.info("%d pictures to train on, %d held out, from step %d", len(examples), len(held), run.step)
        if run.step == 0 and source is not None:
            run.look(held)
    run.run(held)
    if team.size > 1:
        distributed.destroy_process_group()  # else the others never end
