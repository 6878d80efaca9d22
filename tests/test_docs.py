"""Documentation that cannot drift from what it is about."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

import redact
from redact.cli import app
from redact.policy import Encoding, Policy, settings
from redact.regions_file import MAX_REGIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md"])


def make_cli():
    spec = importlib.util.spec_from_file_location("make_cli", DOCS / "make_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(page: str) -> list[str]:
    """The words of a page without what versions of the command line library write differently: types, brackets."""
    plain = re.sub(r"<(str|path|int|float|list\[\w+\])>|\b(TEXT|PATH|INTEGER|FLOAT)\b", "", page)
    return re.sub(r"[\\\[\]{}<>]", "", plain).lower().split()


def test_the_command_line_reference_is_what_help_says():
    written = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert words(written) == words(make_cli().reference()), "run python docs/make_cli.py"


def test_every_command_has_its_place():
    module = make_cli()
    named = {command.name or command.callback.__name__ for command in app.registered_commands}
    named |= {group.name for group in app.registered_groups}
    assert {command.split()[0] for command in module.COMMANDS if command} == named


def test_every_setting_is_in_the_reference():
    written = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name in (*settings(Policy), *settings(Encoding)):
        assert f"--{name.replace('_', '-')}" in written


def test_every_public_function_is_in_the_library_reference():
    written = (DOCS / "library.md").read_text(encoding="utf-8")
    for name in redact.__all__:
        assert name in written, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_are_named_exist(page):
    known = set(re.findall(r"--[a-z][a-z-]+", make_cli().reference()))
    known |= {"--quick", "--once", "--out", "--check"}  # of benchmarks, examples and tools
    for line in re.sub(r"\\\n", "", page.read_text(encoding="utf-8")).splitlines():
        if "python" not in line and "pip" not in line and "ruff" not in line:
            assert set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", line)) <= known, line


def test_the_example_of_the_regions_file_is_one(tmp_path):
    from redact.regions_file import _record

    written = (DOCS / "regions.md").read_text(encoding="utf-8")
    lines = [line for line in written.splitlines() if line.startswith('{"index"')]
    assert len(lines) == 2
    for index, line in enumerate(lines):
        assert _record(json.loads(line.removesuffix(",")), index, 1280).index == index
    assert str(MAX_REGIONS) in written


@pytest.mark.parametrize("name", ["regions", "report"])
def test_every_key_of_a_schema_is_explained(name):
    schema = json.loads((DOCS / f"{name}.schema.json").read_text())
    written = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    parts = ["run"] if name == "report" else ["frame", "region"]
    for key in [*schema["properties"], *(key for part in parts for key in schema["$defs"][part]["properties"])]:
        assert f"`{key}`" in written, key


def test_every_detector_of_the_catalog_has_a_card():
    from redact.detect.catalog import catalog

    written = (DOCS / "catalog.md").read_text(encoding="utf-8")
    missing = [name for name, record in catalog().items() if name not in written or record.sha256 not in written]
    assert missing == [], "run python docs/make_catalog.py"
