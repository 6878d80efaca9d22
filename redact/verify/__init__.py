"""Checking an output: is somebody still visible in it, is it what its input was, does it tell anything else?

Import ``redact.verify_file``. Nothing here writes a file or changes one.
"""

from __future__ import annotations

from redact.verify.check import Checked, Gate, Run, verify_file
from redact.verify.verdict import ALARM, Fault, Moment, Verdict

__all__ = ["ALARM", "Checked", "Fault", "Gate", "Moment", "Run", "Verdict", "verify_file"]
