"""Deliberate breaks of the code that hides people: each must turn a test red.

    python -m tests.faults.mutations             # all, and what each was caught by
    python -m tests.faults.mutations --write     # and put the table into docs/assurance.md
    python -m tests.faults.mutations --quick     # a third of them, other ones every day of the month
    python -m tests.faults.mutations "a row"     # those whose name has these words

A break is a patch of a few words, found by their meaning and not by their layout, in a copy of the tree. Where the
words are not found, or found twice, the run stops: then the code has changed, and the list must follow.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tokenize
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "assurance.md"
_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER}


@dataclass(frozen=True, slots=True)
class Mutation:
    """In ``file``, ``old`` becomes ``new``; ``tests`` are run to see it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


COVER = ("tests/test_cover.py", "tests/test_recording.py")
TIME = ("tests/test_timeline.py", "tests/test_recording.py", "tests/test_redactor.py")
RUN = ("tests/test_recording.py", "tests/test_promises.py")

MUTATIONS = (
    Mutation("skip the chroma planes of the solid style", "redact/cover/__init__.py",
             "zip(frame.planes(), values, strict=True)", "zip(frame.planes()[:1], values[:1], strict=True)", COVER),
    Mutation("skip the last plane of the soft styles", "redact/cover/__init__.py",
             "zip(planes, cells, strict=True)", "zip(planes[:-1], cells[:-1], strict=True)", COVER),
    Mutation("shift by one sample to the right", "redact/cover/planes.py",
             "area.left * step_x : area.right * step_x", "area.left * step_x + 1 : area.right * step_x + 1", COVER),
    Mutation("shift by one block down", "redact/cover/planes.py", "area.top * step_y : area.bottom * step_y",
             "(area.top + 1) * step_y : (area.bottom + 1) * step_y", COVER),
    Mutation("leave the last row clear", "redact/cover/planes.py", "area.top * step_y : area.bottom * step_y",
             "area.top * step_y : area.bottom * step_y - 1", COVER),
    Mutation("leave the last column clear", "redact/cover/planes.py", "area.left * step_x : area.right * step_x",
             "area.left * step_x : area.right * step_x - 1", COVER),
    Mutation("skip an interleaved channel", "redact/cover/planes.py", "mask = mask[:, :, None]",
             "mask = mask[:, :, None] & (np.arange(target.shape[2]) == 0)", COVER),
    Mutation("forget that chroma is coarser", "redact/cover/planes.py", "mask = mask.repeat(step_x, 1)",
             "mask = mask.repeat(step_x, 1) & (np.arange(mask.shape[1] * step_x) % 2 == 0)", COVER),
    Mutation("round a region inward", "redact/geometry.py", "int(np.ceil(x2 / multiple)) * multiple",
             "int(np.floor(x2 / multiple)) * multiple", ("tests/test_geometry.py", *COVER)),
    Mutation("clip a region before it grows", "redact/cover/shapes.py", """
             x1, y1, x2, y2 = region.box
             width, height =""", """
             x1, y1, x2, y2 = (max(edge, 0.0) for edge in region.box)
             width, height =""", COVER),
    Mutation("draw the ellipse inside the box", "redact/cover/shapes.py",
             "math.sqrt(2) if rounded(region, policy) else 1", "1", COVER),
    Mutation("do not grow", "redact/cover/shapes.py", "policy.grow_of(region.kind) / 2", "0.5", COVER),
    Mutation("round the ellipse's edge inward", "redact/cover/shapes.py",
             "first = np.floor((x - half) / self.block_x)", "first = np.ceil((x - half) / self.block_x)", COVER),
    Mutation("lose the last block of an odd width", "redact/cover/shapes.py",
             "return -(-self.width // self.block_x)", "return self.width // self.block_x or 1", COVER),
    Mutation("take a face for hidden that only touches a larger ellipse", "redact/cover/__init__.py",
             "& full & (cell", "& (cell", COVER),
    Mutation("scale 10 bits as 8", "redact/cover/colors.py", "round(value * (1 << layout.bits - 8))",
             "round(value)", COVER),
    Mutation("forget P010's shift", "redact/cover/colors.py", "top) << layout.shift", "top)", COVER),
    Mutation("ignore always-covered polygons", "redact/cover/__init__.py", "enumerate(self._policy.always)",
             "enumerate(self._policy.always[1:])", COVER),
    Mutation("draw a plate in cells", "redact/cover/__init__.py", 'plain = solid or region.kind == "plate"',
             "plain = solid", COVER),
    Mutation("let hidden pixels tint the veil", "redact/cover/veil.py", "visible[high, wide] = False",
             "visible[high, wide] = True", COVER),
    Mutation("sample averages anew in every frame", "redact/cover/averages.py",
             "if held is None or not 0 <= time - held.new.time < HELD:", "if True:", COVER),
    Mutation("show a frame that is to be covered whole", "redact/cover/__init__.py", """
             if settled.whole:
                 frame.own()""", """
             if settled.whole and not settled.whole:
                 frame.own()""", COVER),
    Mutation("write into a decoder's reference frame", "redact/cover/__init__.py", """
             if things:
                 frame.own()
             """, """
             if things:
             """, (*COVER, "tests/test_footage.py")),
    Mutation("write before covering", "redact/pipeline.py", "behind.put(cover(item))",
             "behind.put(RedactedFrame(item.frame)), cover(item)", RUN),
    Mutation("hand out what was not covered", "redact/redactor.py", "self._cover(item).frame.picture",
             "item.frame.picture", ("tests/test_redactor.py",)),
    Mutation("let a sink take a bare frame", "redact/media/sink.py", "if not isinstance(redacted, RedactedFrame):",
             "if not hasattr(redacted, 'frame') and not hasattr(redacted, 'picture'):", RUN),
    Mutation("go on after a fault", "redact/redactor.py", """
             self._broken = True
             yield""", """
             self._broken = False
             yield""", ("tests/test_redactor.py",)),
    Mutation("ignore the first track", "redact/timeline.py", "for history in self._histories.values():",
             "for history in list(self._histories.values())[1:]:", TIME),
    Mutation("cover one frame late", "redact/timeline.py", "time = pending.frame.time",
             "time = pending.frame.time - 0.04", TIME),
    Mutation("ignore hold", "redact/timeline.py", "if time - last.time > self._hold + _GRACE:",
             "if time > last.time:", TIME),
    Mutation("ignore lookahead", "redact/timeline.py", "if first.time - time > self._lookahead + _GRACE:",
             "if first.time > time:", TIME),
    Mutation("leave the gaps of a track", "redact/timeline.py",
             "left, right = sightings[after - 1], sightings[after]", """
             return None
             left, right = sightings[after - 1], sightings[after]""", TIME),
    Mutation("let a track go on over a cut", "redact/timeline.py", "if cut or torn:", "if torn:", TIME),
    Mutation("hold over a cut", "redact/timeline.py", "self._scene += 1", "pass", TIME),
    Mutation("forget at a tear", "redact/timeline.py", "if cut and not torn:", "if cut or torn:", TIME),
    Mutation("do not look at both sides of a cut", "redact/looking.py", "ready = self._release(look=cut)",
             "ready = self._release(look=False)", ("tests/test_recording.py",)),
    Mutation("show a damaged frame", "redact/looking.py", "Looked(frame, None, cut, DAMAGED)",
             "Looked(frame, None, cut)", ("tests/test_bad_input.py",)),
    Mutation("trust every picture behind a damaged one", "redact/media/damage.py", "self._suspect = True",
             "self._suspect = False", ("tests/test_bad_input.py", "tests/media")),
    Mutation("keep what touches a never-covered polygon clear", "redact/polygons.py", "inside >= _WHOLLY * area",
             "inside >= 0.1 * area", ("tests/test_polygons.py", "tests/test_recording.py")),
    Mutation("believe no weak detection", "redact/track.py",
             "for stage, least in ((strong, MIN_OVERLAP), (~strong, MIN_OVERLAP_WEAK)):",
             "for stage, least in ((strong, MIN_OVERLAP),):", TIME),
    Mutation("forget the last tile", "redact/detect/tiles.py", "for tile in look.tiles:",
             "for tile in look.tiles[: max(len(look.tiles) - 1, 1)]:", ("tests/detect/test_tiles.py",)),
    Mutation("accept a detector's nonsense", "redact/detect/tiles.py",
             "detector.detect(rgb).checked(rgb.shape[1], rgb.shape[0])", "detector.detect(rgb)", RUN),
    Mutation("take a detector's failure for nobody", "redact/detect/tiles.py",
             'raise DetectorError(f"detector {detector.name} failed: {words}") from error',
             "return Detections.none()", RUN),
    Mutation("wait for a detector for ever", "redact/pipeline.py",
             "if since is not None and time.monotonic() - since > self._timeout:", "if since == -1.0:",
             RUN),
    Mutation("take a thread's death for the end", "redact/pipeline.py", "if not self._stop.is_set(): raise",
             "if False: raise", ("tests/faults/test_faults.py::test_a_thread_that_dies_without_a_word",)),
    Mutation("give a part its name after an error", "redact/outfile.py", """
             with contextlib.suppress(OSError):
                 self.part.unlink(missing_ok=True)""", """
             with contextlib.suppress(OSError):
                 self.part.replace(self.path)""", RUN),
    Mutation("write under the final name", "redact/outfile.py", 'self.path.with_name(self.path.name + ".part")',
             'self.path.with_name(self.path.name + "")', RUN),
    Mutation("keep sound that nobody asked for", "redact/media/streams.py",
             'if audio == "keep" and stream.type', "if stream.type", ("tests/media/test_sound.py", "tests/media")),
    Mutation("allow weak settings silently", "redact/policy.py",
             "if self.weaknesses() and not self.allow_weak:", "if False:", ("tests/test_policy.py",)),
    Mutation("overlook a lost line of a regions file", "redact/regions_file.py",
             'if _whole(item["index"], 2**40) != index:', 'if _whole(item["index"], 2**40) < 0:',
             ("tests/test_steps.py", "tests/test_bad_input.py")),
    Mutation("cover with the regions of another recording", "redact/regions_file.py",
             "if (other.bytes, other.sha256) != (self.header.input.bytes, self.header.input.sha256):", "if False:",
             ("tests/test_steps.py", "tests/test_bad_input.py")),
    Mutation("cover a picture everywhere but where it must", "redact/media/modes.py",
             "where = Image.fromarray(mask)", "where = Image.fromarray(~mask)", ("tests/test_pictures.py",)),
    Mutation("keep a picture's metadata", "redact/media/images.py", """
             image = source.copy()
             image.info = {}""", "image = source.copy()", ("tests/test_pictures.py",)),
)  # fmt: skip


class Refused(Exception):
    """A patch does not fit the code."""


def patched(text: str, old: str, new: str) -> str:
    """``text`` with the one place that reads as ``old``, however it is laid out, replaced. Raises Refused."""
    words, wanted = _words(text), [word for word, _, _ in _words(textwrap.dedent(old).strip())]
    places = [
        at
        for at in range(len(words) - len(wanted) + 1)
        if all(words[at + step][0] == word for step, word in enumerate(wanted))
    ]
    if len(places) != 1:
        raise Refused(f"found {len(places)} times: {' '.join(wanted)}")
    first, last = words[places[0]][1], words[places[0] + len(wanted) - 1][2]
    column = first - (text.rfind("\n", 0, first) + 1)
    return text[:first] + textwrap.dedent(new).strip().replace("\n", "\n" + " " * column) + text[last:]


def _words(text: str) -> list[tuple[str, int, int]]:
    """(word, start, end) of Python, without layout and comments; of a fragment too."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    words = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in _LAYOUT:
                first, last = (starts[row - 1] + column for row, column in (token.start, token.end))
                words.append((token.string, first, last))
    except (tokenize.TokenError, IndentationError):
        pass  # a fragment that ends within brackets
    return words


@dataclass(frozen=True, slots=True)
class Outcome:
    """caught: the first test that failed, or empty."""

    mutation: Mutation
    caught: str


def tree(place: Path) -> Path:
    """A copy of what belongs to the project, with the footage beside it."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode().split("\0")  # fmt: skip
    copy = place / "main"
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    if (ROOT.parent / "shared").exists():
        (place / "shared").symlink_to(ROOT.parent / "shared")
    return copy


def tried(mutation: Mutation, copy: Path) -> Outcome:
    """Break the copy, run the tests, mend it again."""
    file = copy / mutation.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(patched(whole, mutation.old, mutation.new), encoding="utf-8")
    try:
        return Outcome(mutation, failing(mutation.tests, copy))
    finally:
        file.write_text(whole, encoding="utf-8")


def failing(tests: tuple[str, ...], copy: Path) -> str:
    """The first of the tests that fails in that copy, or nothing."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--hypothesis-seed=0", "--timeout=120", *tests], cwd=copy, capture_output=True, text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)},
    )  # fmt: skip
    if run.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    if run.returncode == 1 and found:
        return found[1]
    if "Timeout" in run.stdout + run.stderr:
        return f"{tests[0]} (does not end)"
    raise Refused(f"pytest cannot run {tests}: {run.stdout[-2000:]}{run.stderr[-2000:]}")


def table(outcomes: list[Outcome]) -> str:
    """As docs/assurance.md has it."""
    lines = ["| break | in | caught by |", "|---|---|---|"]
    for outcome in outcomes:
        test = re.sub(r"\[.*", "", outcome.caught)
        lines.append(f"| {outcome.mutation.name} | `{outcome.mutation.file}` | `{test}` |")
    return "\n".join(lines)


def main(args: list[str]) -> int:
    """Exit status: 0 where every break was caught."""
    words = [arg for arg in args if not arg.startswith("-")]
    chosen = [item for item in MUTATIONS if not words or any(word in item.name for word in words)]
    if "--quick" in args:
        chosen = chosen[date.today().day % 3 :: 3]
    free: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        cores = len(os.sched_getaffinity(0))
        for number in range(cores):
            free.put(tree(Path(folder) / str(number)))
        sound = free.get()
        for item in chosen:
            patched((sound / item.file).read_text(encoding="utf-8"), item.old, item.new)  # all fit, or none is tried
        every = tuple(dict.fromkeys(test for item in chosen for test in item.tests))
        broken = "" if "--quick" in args else failing(every, sound)  # --quick comes after the whole suite
        if broken:
            print(f"{broken} fails without any break")
            return 1
        free.put(sound)

        def one(item: Mutation) -> Outcome:
            copy = free.get()
            try:
                return tried(item, copy)
            finally:
                free.put(copy)

        outcomes = []
        with ThreadPoolExecutor(cores) as pool:
            for outcome in pool.map(one, chosen):
                outcomes.append(outcome)
                print(
                    f"{'caught' if outcome.caught else 'MISSED'}  {outcome.mutation.name}  {outcome.caught}",
                    flush=True,
                )
    missed = [outcome for outcome in outcomes if not outcome.caught]
    print(f"{len(outcomes) - len(missed)} of {len(outcomes)} breaks were caught")
    if "--write" in args and not missed:
        text = PAGE.read_text(encoding="utf-8")
        begin, end = "<!-- mutations -->", "<!-- /mutations -->"
        inside = f"{begin}\n{table(outcomes)}\n{end}"
        PAGE.write_text(re.sub(f"{begin}.*{end}", lambda _: inside, text, flags=re.DOTALL), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
