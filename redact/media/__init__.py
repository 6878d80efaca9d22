"""Video files in and out: ``open_source`` delivers frames, ``open_sink`` takes covered ones."""

from redact.media.damage import Damage
from redact.media.sink import Sink, open_sink
from redact.media.source import Source, Span, open_source
from redact.media.streams import Dropped

__all__ = ["Damage", "Dropped", "Sink", "Source", "Span", "open_sink", "open_source"]
