"""Attackers that have learned what covered faces look like: each is trained on covered pictures of the same people.

All answer (probes, people) scores, higher for the likelier person, never having seen the pictures in question.
"""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.people import Luma
from benchmarks.attack.scene import REACH

Scores = NDArray[np.float64]
Rows = NDArray[np.float32]
SIDE = 28
FACE = 1.3  # side of what is learned from, in heights of the face
COMPONENTS = 120
EPOCHS = 20


def pixels(cuts: list[Luma], *, share: float = FACE / REACH) -> Rows:
    """The middle of each cut-out as ``SIDE`` x ``SIDE`` values in a row."""
    rows = []
    for cut in cuts:
        margin = round(cut.shape[0] * (1 - share) / 2)
        middle = cut[margin : cut.shape[0] - margin, margin : cut.shape[1] - margin]
        rows.append(cv2.resize(middle, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel())
    return np.stack(rows)


def discriminant(train: Rows, labels: NDArray[np.int64], probes: Rows) -> Scores:
    """Principal components, then Fisher's linear discriminant: the smallest steady difference counts."""
    people = int(labels.max()) + 1
    mean = train.mean(axis=0)
    _, strength, axes = np.linalg.svd((train - mean).astype(np.float64), full_matrices=False)
    kept = axes[:COMPONENTS][strength[:COMPONENTS] > 1e-6 * max(strength[0], 1e-12)]
    if not len(kept):
        return np.zeros((len(probes), people))
    inside, asked = (train - mean) @ kept.T, (probes - mean) @ kept.T
    centres = np.stack([inside[labels == person].mean(axis=0) for person in range(people)])
    within = np.cov((inside - centres[labels]).T).reshape(len(kept), len(kept))
    within += np.eye(len(kept)) * (1e-3 * np.trace(within) / len(kept) + 1e-9)
    solved = np.linalg.solve(within, centres.T)
    return np.asarray(asked @ solved - 0.5 * np.sum(centres.T * solved, axis=0))


def has_network() -> bool:
    """Whether PyTorch is there to train a network with."""
    return importlib.util.find_spec("torch") is not None


def network(train: Rows, labels: NDArray[np.int64], probes: Rows, *, epochs: int = EPOCHS) -> Scores:
    """A small convolutional network, trained from nothing."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    people = int(labels.max()) + 1
    mean, deviation = float(train.mean()), max(float(train.std()), 1.0)

    def shaped(rows: Rows) -> torch.Tensor:
        return torch.from_numpy((rows - mean) / deviation).reshape(-1, 1, SIDE, SIDE)

    def block(given: int, made: int) -> list[nn.Module]:
        return [nn.Conv2d(given, made, 3, padding=1), nn.BatchNorm2d(made), nn.ReLU(), nn.MaxPool2d(2)]

    entry = [nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU()]
    model = nn.Sequential(
        *entry, *block(16, 32), *block(32, 64), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 9, people)
    )
    given, wanted = shaped(train), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    batch = 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=epochs * -(-len(given) // batch))
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(given))
        for start in range(0, len(given), batch):
            picked = order[start : start + batch]
            if len(picked) < 2:
                schedule.step()
                continue
            x, y = (int(value) for value in torch.randint(-2, 3, (2,)))
            loss = nn.functional.cross_entropy(
                model(torch.roll(given[picked], (y, x), (2, 3))), wanted[picked], label_smoothing=0.1
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        return np.asarray(model(shaped(probes)).numpy(), dtype=np.float64)
