"""The ledger: what it says fits, whatever happens while it is written, and every way of spoiling it is named."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from redact import Policy, redact_file
from redact.cli.reports import Records, Reporter
from redact.custody import Custody
from redact.errors import ConfigError, SinkError, SourceError
from redact.ledger import NONE, Ledger
from redact.ledger_check import check_ledger
from redact.signature import canonical
from tests.clips import make_clip
from tests.test_cli import failed_cleanly
from tests.test_cli import redact as command

ROOT = Path(__file__).parents[2]
APPENDING = """
import sys
from redact.ledger import Ledger
ledger = Ledger(sys.argv[1])
for index in range(int(sys.argv[2])):
    print(ledger.append({"outcome": "done", "who": sys.argv[3], "index": index})["number"], flush=True)
"""


def appending(path: Path, count: int, who: str = "a", **kwargs) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-c", APPENDING, str(path), str(count), who]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, **kwargs)


def filled(path: Path, count: int = 8) -> list[bytes]:
    ledger = Ledger(path)
    for index in range(count):
        ledger.append({"outcome": "done", "index": index})
    return path.read_bytes().splitlines(keepends=True)


def twenty_lines(path: Path) -> int:
    """The check of docs/record.md, as it stands there."""
    page = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.S)[1]
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    return run.returncode


def test_every_record_carries_the_digest_of_the_one_before(tmp_path):
    lines = filled(tmp_path / "l.jsonl")
    before = NONE
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        assert (record["number"], record["previous"]) == (number, before)
        before = hashlib.sha256(line.removesuffix(b"\n")).hexdigest()
    checked = check_ledger(tmp_path / "l.jsonl")
    assert (checked.records, checked.findings, checked.head) == (8, (), before)
    assert twenty_lines(tmp_path / "l.jsonl") == 0


def changed(lines):
    lines[3] = lines[3].replace(b'"index":3', b'"index":9')


def spaced(lines):
    lines[3] = lines[3].replace(b'"index":3', b'"index": 3')


def relinked(lines):
    lines[3] = re.sub(rb'"previous":"\w{64}"', b'"previous":"' + b"ab" * 32 + b'"', lines[3])


def renumbered(lines):
    """With a chain made new from there on, by somebody who knows how."""
    lines[3] = lines[3].replace(b'"number":4', b'"number":5')
    for index in range(4, len(lines)):
        digest = hashlib.sha256(lines[index - 1].removesuffix(b"\n")).hexdigest().encode()
        lines[index] = re.sub(rb'"previous":"\w{64}"', b'"previous":"' + digest + b'"', lines[index])


def removed(lines):
    del lines[3]


def beheaded(lines):
    del lines[:2]


def inserted(lines):
    lines.insert(3, lines[6].replace(b'"index":6', b'"index":66'))


def copied(lines):
    lines.insert(5, lines[0])


def forged(lines):
    """A record that fits the one before it, but of which the next knows nothing."""
    lines.insert(3, lines[3].replace(b'"index":3', b'"index":7'))


def swapped(lines):
    lines[3], lines[4] = lines[4], lines[3]


def moved(lines):
    lines.insert(2, lines.pop(5))


def garbage(lines):
    lines[3] = b"\xff\x00 not a record\n"


def cut(lines):
    lines[-1] = lines[-1][:-30]


SPOILED = [
    (changed, "changed", 4), (spaced, "changed", 4), (relinked, "changed", 4), (renumbered, "changed", 4),
    (removed, "removed", 4), (beheaded, "removed", 1), (inserted, "inserted", 4), (copied, "inserted", 6),
    (forged, "inserted", 4), (swapped, "reordered", 4), (moved, "reordered", 3), (garbage, "changed", 4),
    (cut, "unfinished", 8),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "fault", "line"), SPOILED, ids=[spoil.__name__ for spoil, _, _ in SPOILED])
def test_what_was_done_to_it_is_named_with_its_place(tmp_path, spoil, fault, line):
    path = tmp_path / "l.jsonl"
    lines = filled(path)
    spoil(lines)
    path.write_bytes(b"".join(lines))
    finding = check_ledger(path).findings[0]
    assert (finding.fault, finding.line) == (fault, line), finding
    assert twenty_lines(path) == 1


def test_a_finding_is_a_line_and_exit_3(tmp_path):
    lines = filled(tmp_path / "l.jsonl")
    swapped(lines)
    (tmp_path / "l.jsonl").write_bytes(b"".join(lines))
    run = command("ledger", "check", tmp_path / "l.jsonl")
    assert run.returncode == 3
    assert "8 records, 20" in run.stdout
    assert "FOUND line 4: reordered: " in run.stdout


def test_any_byte_that_changes_is_seen(tmp_path):
    path = tmp_path / "l.jsonl"
    lines = filled(path, 4)
    whole = b"".join(lines)
    chance = random.Random(5)
    last = len(whole) - len(lines[-1])  # of the last record only the next one, or a signature, can tell
    for place in chance.sample(range(last), 200):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << chance.randrange(8)
        path.write_bytes(spoiled)
        assert check_ledger(path).findings, place


def test_an_append_after_a_crash_at_any_byte_mends_the_end_and_loses_nothing(tmp_path):
    path = tmp_path / "l.jsonl"
    lines = filled(path, 3)
    kept = b"".join(lines[:2])
    for length in range(len(lines[2])):
        path.write_bytes(kept + lines[2][:length])
        Ledger(path).append({"outcome": "done"})
        assert path.read_bytes().startswith(kept)
        checked = check_ledger(path)
        whole = length == len(lines[2]) - 1  # only its newline is missing: it stays
        assert [(finding.fault, finding.line) for finding in checked.findings] == (
            [] if whole or not length else [("unfinished", 3)]  # whoever cuts a record short leaves the same
        )
        assert checked.records == 3 + whole
        record = json.loads(path.read_bytes().splitlines()[-1])
        assert record.get("mended_bytes", 0) == (0 if whole else length)


def test_a_crash_in_the_very_first_record_is_mended_too(tmp_path):
    path = tmp_path / "l.jsonl"
    (line,) = filled(path, 1)
    for length in (0, 1, 10, 60, len(line) - 1):
        path.write_bytes(line[:length])
        Ledger(path).append({"outcome": "done"})
        findings = check_ledger(path).findings
        assert [finding.fault for finding in findings] == ["unfinished"] * (0 < length < len(line) - 1)


@pytest.mark.parametrize(
    "facts",
    [
        {"run_sha256": ["a"]},
        {"run_sha256": {"a": 1}},
        {"outcome": "done", "output": {"name": "o.mp4", "sha256": []}},
        {"outcome": "done", "output": {"name": 3}},
        {"outcome": "done", "output": []},
        {"input": {"name": None}},
        {"mended_bytes": "many"},
        {"time": "2026-01-01T00:00:00Z\n\x1b[2Jevery record fits"},
        {"previous": 0},
    ],
)
def test_a_hostile_record_is_none_and_hurts_nobody(tmp_path, facts):
    path = tmp_path / "l.jsonl"
    filled(path, 1)
    record = {**json.loads(path.read_text()), "number": 2, "previous": check_ledger(path).head, **facts}
    with path.open("ab") as file:
        file.write(canonical(record) + b"\n")
    (tmp_path / "r.json").write_text('{"format": "redact-report", "runs": [{}]}')
    checked = check_ledger(path, report=tmp_path / "r.json", folder=tmp_path)
    assert ("changed", 2) in [(finding.fault, finding.line) for finding in checked.findings]
    said = command("ledger", "check", path)
    assert said.returncode == 3
    assert "\x1b" not in said.stdout


@pytest.mark.parametrize(
    "content", [b"precious", b"precious\n", b'{"a": 1}\n', b"{}", b'{"format":"other"}\n', b"\n"]
)
def test_no_other_file_is_ever_written_to(tmp_path, content):
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is no ledger"):
        Ledger(path)
    assert path.read_bytes() == content


def test_two_programs_at_once(tmp_path):
    path = tmp_path / "l.jsonl"
    both = [appending(path, 200, who) for who in "ab"]
    for run in both:
        _, stderr = run.communicate(timeout=120)
        assert run.returncode == 0, stderr
    checked = check_ledger(path)
    assert (checked.records, checked.findings) == (400, ())
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    for who in "ab":
        assert [record["index"] for record in records if record["who"] == who] == list(range(200))


def test_threads_at_once(tmp_path):
    path = tmp_path / "l.jsonl"
    ledger = Ledger(path)
    threads = [
        threading.Thread(target=lambda: [ledger.append({"outcome": "done"}) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check_ledger(path).records == 200
    assert check_ledger(path).findings == ()


def test_killed_at_any_moment_it_keeps_what_it_said_it_had(tmp_path):
    path = tmp_path / "l.jsonl"
    chance = random.Random(3)
    told = 0
    for _ in range(25):
        run = appending(path, 100_000)
        first = run.stdout.readline()  # it is at work
        time.sleep(chance.uniform(0, 0.05))
        run.send_signal(signal.SIGKILL)
        rest, _ = run.communicate(timeout=30)
        told = int((first + rest).split()[-1])
        checked = check_ledger(path)
        assert [finding for finding in checked.findings if finding.fault != "unfinished"] == []
        assert checked.records >= told
    Ledger(path).append({"outcome": "done"})
    assert check_ledger(path).findings == ()


def test_a_full_disk_takes_nothing_away(tmp_path):
    path = tmp_path / "l.jsonl"
    lines = filled(path, 3)
    whole = b"".join(lines)
    for room in (0, 1, 100, len(lines[0]) - 1):
        limit = len(whole) + room
        run = appending(
            path, 1, preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit,) * 2)
        )
        _, stderr = run.communicate(timeout=60)
        assert run.returncode == 1
        assert "the disk is full" in stderr
        assert path.read_bytes() == whole
    assert check_ledger(path).findings == ()


def test_a_disk_that_is_really_full(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        path = small / "l.jsonl"
        ledger = Ledger(path)
        padded = {"outcome": "done", "padding": "x" * 3000}
        with pytest.raises(SinkError, match="disk is full"):
            all(ledger.append(padded) for _ in range(1000))
        checked = check_ledger(path)
        assert checked.records > 5
        assert checked.findings == ()
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_ledger_that_is_held_by_a_stopped_program_is_said_so(tmp_path, monkeypatch):
    import fcntl

    path = tmp_path / "l.jsonl"
    filled(path, 1)
    monkeypatch.setattr("redact.ledger._WAIT", 0.2)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SinkError, match="another program"):
            Ledger(path)
    Ledger(path).append({"outcome": "done"})


def test_a_ledger_that_is_moved_away_meanwhile_goes_on_in_a_new_file(tmp_path):
    path = tmp_path / "l.jsonl"
    ledger = Ledger(path)
    ledger.append({"outcome": "done"})
    path.rename(tmp_path / "old.jsonl")
    assert ledger.append({"outcome": "done"})["number"] == 1
    assert check_ledger(path).records == check_ledger(tmp_path / "old.jsonl").records == 1


@pytest.mark.parametrize("content", [None, b"notes\n", b"x" * 2_000_000])
def test_what_is_no_ledger_cannot_be_checked(tmp_path, content):
    path = tmp_path / "x"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError):
        check_ledger(path)
    failed_cleanly(command("ledger", "check", path), 1)


def test_an_empty_ledger_stands(tmp_path):
    (tmp_path / "l.jsonl").touch()
    assert check_ledger(tmp_path / "l.jsonl").findings == ()
    assert Ledger(tmp_path / "l.jsonl").append({"outcome": "done"})["number"] == 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 10, codec="libx264")


def test_runs_by_command(clip, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"nothing of use")
    run = command(
        "file", clip, tmp_path / "bad.mp4", "-o", tmp_path / "out", "--ledger", tmp_path / "l.jsonl",
        "--report", tmp_path / "r.json",
    )  # fmt: skip
    assert run.returncode == 1
    command("render", tmp_path / "nowhere.mp4", tmp_path / "no.json", "--ledger", tmp_path / "l.jsonl")
    command("detect", clip, "-o", tmp_path / "g.json", "--ledger", tmp_path / "l.jsonl")
    records = [json.loads(line) for line in (tmp_path / "l.jsonl").read_text().splitlines()]
    assert [record["outcome"] for record in records] == ["done", "SourceError", "RegionsError", "done"]
    assert records[1]["input"]["sha256"] == hashlib.sha256(b"nothing of use").hexdigest()
    assert records[2]["input"] == {"name": "nowhere.mp4"}
    assert str(tmp_path) not in (tmp_path / "l.jsonl").read_text()  # names of files, never of folders
    said = command(
        "ledger", "check", tmp_path / "l.jsonl", "--report", tmp_path / "r.json", "--files", tmp_path, "--json"
    )
    assert said.returncode == 0, said.stdout
    assert json.loads(said.stdout)["records"] == 4


def test_a_report_that_was_changed_and_an_end_that_is_gone(clip, tmp_path):
    ledger, report, out = tmp_path / "l.jsonl", tmp_path / "r.json", tmp_path / "out"
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, tmp_path / name)
    run = command("file", tmp_path / "a.mp4", tmp_path / "b.mp4", "-o", out, "--ledger", ledger, "--report", report)
    assert run.returncode == 0, run.stderr
    before = report.read_text()
    report.write_text(before.replace('"frames": 10', '"frames": 11', 1))
    (finding,) = check_ledger(ledger, report=report).findings
    assert (finding.fault, finding.line) == ("report", 1)
    report.write_text(before)
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(lines[0])  # fits as far as it goes: only the report knows that there was more
    assert check_ledger(ledger).findings == ()
    (finding,) = check_ledger(ledger, report=report).findings
    assert finding.fault == "removed"
    assert "its end is gone" in finding.detail
    ledger.write_bytes(b"".join(lines))
    (out / "a.mp4").write_bytes(b"another")
    (out / "b.mp4").unlink()
    findings = check_ledger(ledger, folder=out).findings
    assert [(finding.fault, finding.line) for finding in findings] == [("file changed", 1), ("file missing", 2)]


def test_outputs_of_one_name_are_each_asked_for(clip, tmp_path):
    footage, out, ledger = tmp_path / "footage", tmp_path / "out", tmp_path / "l.jsonl"
    other = make_clip(tmp_path / "other.mp4", frames=7)
    for day, source in (("mon", clip), ("tue", other)):
        (footage / day).mkdir(parents=True)
        shutil.copy(source, footage / day / "lobby.mp4")
    assert command("file", footage, "-o", out, "--ledger", ledger).returncode == 0
    assert check_ledger(ledger, folder=out).findings == ()
    shutil.copy(out / "tue" / "lobby.mp4", out / "mon" / "lobby.mp4")
    (finding,) = check_ledger(ledger, folder=out).findings
    assert finding.fault == "file missing"


@pytest.mark.skipif(sys.platform == "win32", reason="locks are others there")
def test_without_a_record_there_is_no_output(clip, tmp_path, monkeypatch):
    """Another program holds the ledger when the run is to be recorded."""
    ledger, out = tmp_path / "l.jsonl", tmp_path / "o.mp4"
    filled(ledger, 1)
    monkeypatch.setattr("redact.ledger._WAIT", 0.3)
    reporter = Reporter(
        Records(ledger=ledger), Custody(), as_json=False, quiet=True, verbose=False, overwrite=False, inputs=[clip]
    )
    result = redact_file(clip, out, policy=Policy(find=("face",)))
    assert out.exists()
    with ledger.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SinkError, match="another program"):
            reporter.done(result)
    assert not out.exists()


def test_usage_leaves_no_ledger_and_an_input_is_never_one(clip, tmp_path):
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--ledger", tmp_path / "l", "--detector", "x"), 2)
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--ledger", clip), 2)
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--ledger", tmp_path / "no" / "l"), 1)
    failed_cleanly(command("file", clip, "-o", tmp_path / "o.mp4", "--ledger", tmp_path), 1)
    run = command("file", clip, "-n", "-o", tmp_path / "o.mp4", "--ledger", tmp_path / "l")
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.iterdir()) == []
