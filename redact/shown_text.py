"""Text from elsewhere, made fit to be shown: what cannot be seen is written out."""

from __future__ import annotations

import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def shown(text: str) -> str:
    """The text with control characters, marks of direction and halves of characters as ⟨U+202E⟩.

    A mark of direction would make ``gpj.exe`` of ``exe.jpg``, a newline two names of one.
    """
    return "".join(f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign) in _UNSEEN else sign for sign in text)
