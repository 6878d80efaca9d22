"""What deploy/ ships: every file parses, and the commands, keys and paths that it names are there."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

from redact.live.config import load
from redact.live.secrets import values_in

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "redact.service"
SECRETS = {"CAM_USER": "u", "CAM_PASS": "p", "PUBLISH_PASS": "q", "REDACT_TOKEN": "0123456789abcdef"}
YAMLS = sorted(path for path in DEPLOY.rglob("*") if path.suffix in (".yml", ".yaml"))


def told(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def directives() -> dict[str, list[str]]:
    """The directives of the unit, each with all its values."""
    parser = configparser.RawConfigParser(strict=False, dict_type=dict, interpolation=None)
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    assert parser.sections() == ["Unit", "Service", "Install"]
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if match := re.match(r"([A-Z]\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def redact(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "redact", *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environ, **options)


def test_every_file_has_its_line_in_the_readme():
    written = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "README.md" and not path.name.endswith(".dockerignore"):
            assert f"({path.relative_to(DEPLOY)})" in written, path


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.name)
def test_yaml_parses(path):
    assert isinstance(told(path), dict)


def test_the_container_s_configuration_is_good():
    service = load(DEPLOY / "redact.yml", SECRETS)
    assert service.cameras["yard"].publish == ("rtsp://redact:q@mediamtx:8554/yard",)
    assert service.http.token


def test_compose_and_its_parts_fit_together():
    compose = told(DEPLOY / "compose.yml")
    ours, theirs = compose["services"]["redact"], compose["services"]["mediamtx"]
    assert (DEPLOY / ours["build"]["context"] / ours["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    config = (DEPLOY / "redact.yml").read_text()
    assert {*values_in(config, {name: name for name in SECRETS})} == set(ours["secrets"]) == set(compose["secrets"])
    for service in (ours, theirs):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"], volume
    assert ours["ulimits"]["core"] == 0
    assert ours["mem_limit"] == ours["memswap_limit"]
    assert "cameras" not in theirs["networks"]
    assert set(ours["networks"]) == set(compose["networks"])
    assert "/recordings" in ours["volumes"][1]
    assert "record: {path: /recordings" in config


def test_mediamtx_has_a_password_for_each_user():
    users = told(DEPLOY / "mediamtx.yml")["authInternalUsers"]
    environ = told(DEPLOY / "compose.yml")["services"]["mediamtx"]["environment"]
    assert [user["user"] for user in users] == ["redact", "viewer"]
    assert set(environ) == {f"MTX_AUTHINTERNALUSERS_{index}_PASS" for index in range(len(users))}
    assert [user["permissions"] for user in users] == [[{"action": "publish"}], [{"action": "read"}]]


def test_no_snippet_gives_the_uncovered_stream_to_another_program():
    for path in (DEPLOY / "snippets").iterdir():
        plain = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        cameras = [line for line in plain if "${CAM_" in line]
        assert all("redact stream" in line for line in cameras), path
        assert bool(cameras) == (path.name == "yard.sh")
    assert "/etc/redact/yard.sh" in told(DEPLOY / "snippets/mediamtx.yml")["paths"]["yard"]["runOnInit"]
    streams = told(DEPLOY / "snippets/go2rtc.yaml")["streams"]
    assert streams["yard"].startswith("exec:/etc/redact/yard.sh {output}#")
    assert streams["gate"].startswith("exec:/etc/redact/yard.sh -#")
    assert {option.split("=")[0] for option in streams["gate"].split("#")[1:]} == {
        "killsignal",
        "killtimeout",
        "starttimeout",
    }
    frigate = told(DEPLOY / "snippets/frigate.yml")
    assert set(frigate["cameras"]) == set(frigate["go2rtc"]["streams"])


def test_the_script_hands_its_sink_on_and_no_secret(tmp_path):
    fake = tmp_path / "redact"
    fake.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    fake.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CAM_PASS": "hunter2", "CAM_USER": "me"}
    run = subprocess.run(
        [DEPLOY / "snippets/yard.sh", "rtsp://h/x"], capture_output=True, text=True, env=environ, timeout=60
    )
    arguments = json.loads(run.stdout)
    assert arguments[0] == "stream"
    assert arguments[-2:] == ["rtsp://${CAM_USER}:${CAM_PASS}@10.0.0.5/Streaming/Channels/101", "rtsp://h/x"]
    assert "hunter2" not in run.stdout
    named = {argument for argument in arguments if argument.startswith("--")}
    assert named <= set(re.findall(r"--[a-z-]+", redact("stream", "--help").stdout))


def test_home_assistant_reads_what_readyz_says():
    (rest,) = told(DEPLOY / "snippets/home-assistant.yaml")["rest"]
    assert rest["resource"].endswith("127.0.0.1:9110/readyz")
    source = (ROOT / "redact/live/health.py").read_text()
    for template in (rest["binary_sensor"][0]["value_template"], rest["sensor"][0]["value_template"]):
        assert f'"{template.split(".")[-1].split(" ")[0]}"' in source
    assert 'Route("/readyz"' in source


# -- systemd


def test_the_unit_keeps_frames_out_of_dumps_and_swap():
    found = directives()
    for name, value in {
        "LimitCORE": "0",
        "MemorySwapMax": "0",
        "ProtectSystem": "strict",
        "PrivateTmp": "yes",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "IPAddressDeny": "any",
        "OOMPolicy": "continue",
        "KillMode": "mixed",
        "User": "redact",
    }.items():
        assert found[name] == [value], name
    assert found["MemoryMax"]
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged"]


def test_the_unit_s_commands_are_there():
    commands = [
        shlex.split(line) for name, lines in directives().items() if name.startswith("Exec") for line in lines
    ]
    ours = [command for command in commands if command[0] == "/opt/redact/bin/redact"]
    assert len(ours) == 3
    for command in ours:
        words = [word for word in command[1:] if not word.startswith(("/", "-"))]
        help = redact(*words, "--help")
        assert help.returncode == 0, help.stderr
        assert all(word in help.stdout for word in command[1:] if word.startswith("-"))
    assert ["/bin/kill", "-HUP", "$MAINPID"] in commands
    assert os.path.exists("/bin/kill") or sys.platform == "win32"


def test_the_unit_s_credentials_are_those_of_the_shipped_example():
    names = {line.split(":")[0] for line in directives()["LoadCredential"]}
    shipped = (ROOT / "redact.yml").read_text()
    assert {f"${{{name}}}" for name in names} <= set(re.findall(r"\$\{CAM_\w+\}", shipped))


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def test_systemd_takes_the_unit(tmp_path):
    program = tmp_path / "redact"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "redact.service"
    unit.write_text(UNIT.read_text().replace("/opt/redact/bin/redact", str(program)))
    run = analyze("verify", "--man=no", str(unit))
    about = [line for line in run.stderr.splitlines() if "redact" in line]  # not this machine's other units
    assert about == []
    assert run.returncode == 0, run.stderr


def test_systemd_calls_the_unit_safe():
    run = analyze("security", "--offline=true", "--threshold=20", str(UNIT))  # 0 is nothing allowed, 100 everything
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr


def allowed() -> set[str]:
    """The system calls of @system-service without @privileged, as this machine's systemd has them."""
    groups: dict[str, set[str]] = {}
    name = ""
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            name = line.split()[0]
            groups[name] = set()
        elif name and line.strip() and not line.strip().startswith("#"):
            groups[name].add(line.strip())

    def calls(group: str) -> set[str]:
        return {call for item in groups[group] for call in (calls(item) if item.startswith("@") else {item})}

    return calls("@system-service") - calls("@privileged")


def test_a_camera_needs_no_system_call_that_the_unit_forbids(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    permitted = allowed()
    command = ["strace", "-f", "-qq", "-o", str(tmp_path / "log"), sys.executable, "-m", "redact", "stream"]
    command += [str(ROOT / "samples/rotated.mp4"), str(tmp_path / "out"), "--http", "127.0.0.1:0"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environ)
    assert run.returncode == 0, run.stderr
    assert list((tmp_path / "out").rglob("*.mp4"))
    calls = set(
        re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)[( ]", (tmp_path / "log").read_text(errors="replace"), re.M)
    )
    assert len(calls) > 30
    assert calls <= permitted


def test_a_camera_needs_no_memory_that_is_written_and_run(tmp_path):
    if sys.platform != "linux":
        pytest.skip("Linux has this rule")
    rule = (
        "import ctypes, os, sys\n"
        "if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)\n"  # PR_SET_MDWE, as MemoryDenyWriteExecute sets it
        "os.execv(sys.executable, [sys.executable, '-m', 'redact', *sys.argv[1:]])\n"
    )
    command = [sys.executable, "-c", rule, "stream", str(ROOT / "samples/rotated.mp4"), str(tmp_path / "out")]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=250, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    if run.returncode == 77:
        pytest.skip("this kernel is older than 6.3")
    assert run.returncode == 0, run.stderr
    assert list((tmp_path / "out").rglob("*.mp4"))


# -- the image


def steps() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_image_has_what_it_needs_and_no_rights():
    found = steps()
    known = {
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "VOLUME",
        "HEALTHCHECK",
        "STOPSIGNAL",
        "ENTRYPOINT",
        "CMD",
    }
    assert {name for name, _ in found} <= known
    assert [rest for name, rest in found if name == "USER"] == ["10001:10001"]
    copied = [word for name, rest in found if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]]
    assert all((ROOT / word).exists() for word in copied)
    kept = [
        line.removeprefix("!")
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert kept == copied
    entry = json.loads(next(rest for name, rest in found if name == "ENTRYPOINT"))
    command = json.loads(next(rest for name, rest in found if name == "CMD"))
    help = redact(command[0], "--help")
    assert entry == ["tini", "--", "redact"]  # which hands signals on and reaps what publishers leave
    assert command[1] in help.stdout
    health = next(rest for name, rest in found if name == "HEALTHCHECK")
    assert "/livez" in health
    code = json.loads(health[health.index("[") :])[2]
    compile(code, "HEALTHCHECK", "exec")


@pytest.mark.timeout(800)
def test_the_image_s_installation_works_for_nobody_with_nothing_to_write(tmp_path):
    """The image's own steps: what it copies, what it installs, and its user, all without Docker."""
    source = tmp_path / "src"
    source.mkdir()
    for name, rest in steps():
        if name == "COPY" and "--from" not in rest:
            for word in rest.split()[:-1]:
                copy = shutil.copytree if (ROOT / word).is_dir() else shutil.copy
                copy(ROOT / word, source / word)
    target = tmp_path / "venv"
    venv.create(target, with_pip=True)
    words = next(rest for name, rest in steps() if name == "RUN" and "/opt/redact/bin/pip" in rest).partition("&& ")[
        2
    ]
    pip = shlex.split(words.replace("/opt/redact", str(target)))
    installed = subprocess.run(pip, cwd=source, capture_output=True, text=True, timeout=500)
    if installed.returncode and re.search(
        "Could not find|Temporary failure|No matching distribution", installed.stderr
    ):
        pytest.skip("pip reaches no packages here")
    assert installed.returncode == 0, installed.stderr
    place = subprocess.run(
        [target / "bin/python", "-c", "import redact; print(redact.__file__)"],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=60,
    )
    assert str(target) in place.stdout
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    if nobody:
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and folder != Path("/") and not folder.stat().st_mode & 0o005:
                folder.chmod(folder.stat().st_mode | 0o055)
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in (["--help"], ["config", "example"], ["doctor"]):
        run = subprocess.run(
            [target / "bin/redact", *arguments],
            capture_output=True,
            text=True,
            env=environ,
            cwd="/",
            timeout=200,
            **nobody,
        )
        assert run.returncode == 0, run.stdout + run.stderr
