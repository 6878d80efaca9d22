"""Files that take their name when they are complete, and leave nothing behind when they are not."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from redact.errors import SinkError


class OutFile:
    """A file being written as ``NAME.part``. A context manager: left without ``commit`` it leaves nothing behind.

    begin: what it begins with. inputs: files that must not be overwritten, however they are named. file: what to
    write to, or to hand to whoever writes. part: its path, for whoever opens files by name. Raises SinkError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        begin: str = "",
        overwrite: bool = False,
        inputs: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self._overwrite = overwrite
        self._open = False
        with self.explained():
            self._check(inputs)
            self.part.unlink(missing_ok=True)  # never written through: it could be a link
        self._open = True
        with self.begun():
            self.file: BinaryIO = self.part.open("x+b")
            self.file.write(begin.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    @contextlib.contextmanager
    def begun(self) -> Iterator[None]:
        """As ``explained``, for whoever is not yet in the ``with`` that would leave nothing behind."""
        try:
            with self.explained():
                yield
        except BaseException:
            self.abort()
            raise

    def write(self, text: str) -> None:
        """Append text, as UTF-8. Raises SinkError."""
        with self.explained():
            self.file.write(text.encode())

    def commit(self, check: Callable[[Path], bool] | None = None) -> None:
        """Finish the file and give it its name. Raises SinkError, and then leaves nothing behind.

        check: told the path of the complete part; where it says no, the part stays what it is. What it raises passes.
        """
        try:
            with self.explained():
                self.file.flush()
                os.fsync(self.file.fileno())
                self.file.close()
            if check is not None and not check(self.part):
                self._open = False
                return
            with self.explained():
                if not self._overwrite:
                    self._refuse_existing()
                self.part.replace(self.path)
            self._open = False
        finally:
            self.abort()

    def abort(self) -> None:
        """Leave nothing behind. Does nothing after ``commit``; safe to call twice."""
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(OSError, ValueError, AttributeError):  # stopped before it was opened
            self.file.close()
        with contextlib.suppress(OSError):
            self.part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what the system raises into one line."""
        try:
            yield
        except SinkError:
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise SinkError(
                    f"{self.path}: the disk is full", hint="make room, or write to another disk"
                ) from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise SinkError(
                    f"{self.path.parent}: may not be written to", hint="write to a folder of your own"
                ) from error
            raise SinkError(
                f"{self.path}: cannot be written ({error.strerror or error})",
                hint="try another name, container or codec",
            ) from error

    def _check(self, inputs: Iterable[str | os.PathLike[str]]) -> None:
        for taken in inputs:
            for place in (self.path, self.part):
                if place.exists() and os.path.exists(taken) and place.samefile(taken):
                    raise SinkError(f"{place}: is the input itself", hint="give the output another name")
        if not self.path.parent.is_dir():
            raise SinkError(f"{self.path.parent}: no such folder", hint="make it first")
        if self.path.is_dir():
            raise SinkError(f"{self.path}: is a folder", hint="name a file in it")
        if self.path.exists() and not self.path.is_file():
            raise SinkError(f"{self.path}: is not a regular file", hint="give the output another name")
        if not self._overwrite:
            self._refuse_existing()

    def _refuse_existing(self) -> None:
        if self.path.exists() or self.path.is_symlink():
            raise SinkError(
                f"{self.path}: exists already", hint="use -y to replace it, or give the output another name"
            )
