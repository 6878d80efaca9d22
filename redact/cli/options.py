"""Policy and Encoding as command-line options: names, defaults, ranges and help come from ``policy`` alone."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, TypeVar

import typer

from redact.errors import ConfigError
from redact.policy import Encoding, Policy, Setting, parse_polygon, settings

R = TypeVar("R")
_BUNDLES: dict[str, type[Policy] | type[Encoding]] = {"policy": Policy, "encoding": Encoding}


def with_settings(*, only: Collection[str] | None = None) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command one option for every setting in place of its parameters ``policy`` and ``encoding``.

    only: the settings of ``Policy`` that it takes, where that is not all.
    """

    def decorated(command: Callable[..., R]) -> Callable[..., R]:
        signature = inspect.signature(command, eval_str=True)
        taken = {
            parameter: {
                name: setting
                for name, setting in settings(_BUNDLES[parameter]).items()
                if parameter != "policy" or only is None or name in only
            }
            for parameter in signature.parameters
            if parameter in _BUNDLES
        }
        options = [
            _option(name, setting, default) for found in taken.values() for name, (setting, default) in found.items()
        ]
        kept = [parameter for name, parameter in signature.parameters.items() if name not in _BUNDLES]

        @functools.wraps(command)
        def run(**given: Any) -> R:
            for parameter, found in taken.items():
                values = _values({name: given.pop(name) for name in found})
                given[parameter] = _BUNDLES[parameter](**values)
            return command(**given)

        parameters = [*kept, *options]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorated


def _option(name: str, setting: Setting, default: Any) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    help = setting.help
    shown: bool | str = default is not None
    kind: Any = type(default)
    metavar = None
    if setting.choices:
        metavar = "|".join(setting.choices)
    if isinstance(default, tuple) and setting.choices:  # several of a few words
        kind, default, metavar = str, ",".join(default), ",".join(setting.choices)
    elif isinstance(default, tuple):  # polygons
        kind, default, metavar, shown = list[str], [], "X,Y,X,Y,...", False
        help += " Repeatable."
    elif name == "every":
        kind, default, metavar, shown = str, "auto", "N|auto", True
    elif default is None:
        kind = (float | None) if name == "threshold" else (int | None) if setting.low is not None else (str | None)
        metavar = metavar or {"threshold": "SCORE", "crf": "N"}.get(name, "NAME")
    elif isinstance(default, bool):
        metavar = None
    else:
        metavar = metavar or {"min_face": "PX", "color": "#RRGGBB", "detector": "NAME|PATH"}.get(name)
        metavar = metavar or ("SECONDS" if name in ("lookahead", "hold") else "N")
    option = typer.Option(flag, help=help, metavar=metavar, show_default=shown)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


_MEANT: dict[str, Callable[[Any], Any]] = {
    "find": lambda text: tuple(word.strip() for word in text.split(",") if word.strip()),
    "always": lambda texts: tuple(parse_polygon(text) for text in texts),
    "never": lambda texts: tuple(parse_polygon(text) for text in texts),
    "every": lambda text: _every(text),
}


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Words from the command line as the values that the settings have."""
    return {name: _MEANT[name](value) if name in _MEANT else value for name, value in given.items()}


def _every(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"every: {text!r} is neither a number nor auto", hint="for example --every 2") from None
