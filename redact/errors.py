"""What can go wrong, as one tree. Every error says what happened and, in ``hint``, what to do next.

RedactError
├── ConfigError        a policy, an option or a configuration file asks for something that cannot be
├── SourceError        the input cannot be opened, read or decoded
│   ├── StreamLost     a live source stopped delivering
│   └── LoginRefused   a live source refused user or password
├── DetectorError      a detector raised, hung or answered nonsense
├── ModelError         model weights are missing, damaged or of an unknown kind
├── SinkError          the output cannot be written
└── RegionsError       a regions file is damaged, of another version or of another video
"""


class RedactError(Exception):
    """Base of every error this package raises on purpose.

    ``str(error)`` is one line for a person; ``hint`` is one line saying what to do next, or empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(RedactError, ValueError):
    """A policy, an option or a configuration file asks for something that cannot be."""


class SourceError(RedactError, OSError):
    """The input cannot be opened, read or decoded."""


class StreamLost(SourceError):
    """A live source stopped delivering frames."""


class LoginRefused(SourceError):
    """A live source refused user or password: trying often may lock the account."""


class DetectorError(RedactError, RuntimeError):
    """A detector raised, hung or answered nonsense: nothing it was asked about may be shown."""

    def __init__(
        self, message: str, *, hint: str = "nothing was written; try another --detector, or --device cpu"
    ) -> None:
        super().__init__(message, hint=hint)


class ModelError(RedactError, OSError):
    """Model weights are missing, damaged, unknown, or could not be fetched."""


class SinkError(RedactError, OSError):
    """The output cannot be written."""


class RegionsError(RedactError, ValueError):
    """A regions file is damaged, of another version, or made from another video."""
