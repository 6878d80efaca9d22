"""Secrets in a configuration: filled in from the environment, and masked in whatever is said afterwards.

``${NAME}`` is the environment variable of that name, or else the file of that name in ``$CREDENTIALS_DIRECTORY``,
where systemd (``LoadCredential=``) and other supervisors put them; ``$$`` is one dollar.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from redact.errors import ConfigError
from redact.media.addresses import secret_places, starred

SHORTEST = 4  # a PIN; shorter values are masked where they stand in an address, and are too common to mask elsewhere
LARGEST = 65536  # bytes of a credential's file

_CONFIGURING = ("REDACT_HTTP", "REDACT_DEFAULTS__", "REDACT_CAMERAS__", "CREDENTIALS_DIRECTORY")
_PLACE = re.compile(r"\$(?:\$|\{([^{}]*)\}|\{)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)@")

_known: frozenset[str] = frozenset()
_named: frozenset[str] = frozenset()  # variables that a value was filled in from
_forms: tuple[re.Pattern[str], ...] = ()
_lock = threading.Lock()


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """A configured text with its secrets filled in; they are masked from then on.

    A value that stands in an address as user name or password, or after a "=" in its query, is percent-encoded: it
    may hold any sign. Raises ConfigError, which names the variable that is missing.
    """
    login = _LOGIN.match(text)
    query = text.find("?") if "://" in text else -1

    def filled(place: re.Match[str]) -> str:
        if place[0] == "$$":
            return "$"
        value = _value(place, environ)
        if login and login.start(1) <= place.start() < login.end(1):
            # in ${LOGIN}@ the first colon parts name and password: names have none
            return quote(value, safe="" if ":" in _PLACE.sub("", login[1]) else ":")
        if 0 <= query < place.start() and text[place.start() - 1] == "=":
            return quote(value, safe="")
        return value

    resolved = _PLACE.sub(filled, text)
    remember_address(resolved)
    return resolved


def values_in(text: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values that ``resolve`` fills into a text, of those that are there."""
    names = [place[1] for place in _PLACE.finditer(text) if place[1]]
    found = (environ.get(name) or _credential(name, environ) for name in names if _NAME.fullmatch(name))
    return tuple(value for value in found if value)


def remember(values: Iterable[str]) -> None:
    """Mask these values in every text from now on."""
    global _known, _forms
    with _lock:
        new = {value for value in values if len(value) >= SHORTEST} - _known
        if new:
            _forms = (*_forms, *(_form(value) for value in sorted(new)))
            _known |= new


def remember_address(text: str) -> None:
    """Mask the password of an address, and its login as servers are told it, in every text from now on."""
    login = _LOGIN.match(text)
    if login is None:
        return
    name, _, password = login[1].partition(":")
    plain = f"{unquote(name)}:{unquote(password)}"
    remember([unquote(password), base64.b64encode(plain.encode()).decode()])


def harmless(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that whoever is handed ready settings may have: none that these were made of."""
    return {
        name: value for name, value in environ.items() if name not in _named and not name.startswith(_CONFIGURING)
    }


def mask(text: str) -> str:
    """The text with *** in place of every secret.

    That is: the login of any address in it, what a query gives as a token or password, an Authorization header, and
    every value that was filled in or remembered, however it is quoted.
    """
    return starred(text, [*secret_places(text), *_places(text)])


def _places(text: str) -> Iterator[tuple[int, int]]:
    for form in _forms:
        for match in form.finditer(text):
            yield match.span(1)


def _value(place: re.Match[str], environ: Mapping[str, str]) -> str:
    global _named
    name = place[1]
    if name is None or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{place[0]!r} names no variable", hint="write ${NAME}, and $$ where a dollar stands for itself"
        )
    value = environ.get(name) or _credential(name, environ)
    if not value:
        place_of_files = environ.get("CREDENTIALS_DIRECTORY") or "$CREDENTIALS_DIRECTORY"
        raise ConfigError(
            f"{name} is not set, or empty",
            hint=f"set that environment variable, or write the file {place_of_files}/{name}",
        )
    if any(not sign.isprintable() for sign in value):
        raise ConfigError(f"{name} holds a line break or another control character", hint="write it on one line")
    remember([value])
    with _lock:
        _named |= {name}
    return value


def _credential(name: str, environ: Mapping[str, str]) -> str | None:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder, name)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError("too large")
        return content.decode().removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a line of UTF-8 text"
        raise ConfigError(
            f"{path}: cannot be read ({reason})", hint=f"or set the environment variable {name}"
        ) from None


def _form(value: str) -> re.Pattern[str]:
    """What finds a value with any of its signs percent-encoded (once or more), escaped for JSON or for HTML.

    As a look-ahead: occurrences that overlap are all found.
    """
    signs = []
    for sign in value:
        quoted = "".join(rf"%(?:25)*{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))
        forms = {re.escape(sign), re.escape(json.dumps(sign)[1:-1]), re.escape(ascii(sign)[1:-1])}
        forms |= {re.escape(html.escape(sign)), re.escape("\\" + sign)}
        forms |= {"&#39;"} if sign == "'" else {r"\+"} if sign == " " else set()
        longest_first = sorted(forms, key=len, reverse=True)
        signs.append(f"(?:(?i:{quoted})|{'|'.join(longest_first)})")
    return re.compile(f"(?=({''.join(signs)}))")
