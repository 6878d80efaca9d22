"""``redact doctor``: is everything here and working."""

from __future__ import annotations

from redact.cli.console import DONE, FAILED, log_to_stderr


def doctor() -> int:
    """Say what is installed, verify the models and run a one-second self-test."""
    from redact.doctor import examine

    log_to_stderr(quiet=False, verbose=False)
    healthy = True
    for finding in examine():
        healthy &= finding.ok
        print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.detail}", flush=True)
    return DONE if healthy else FAILED
