"""Policy and Encoding as command-line options: names, defaults, ranges and help come from ``policy`` alone.

A file can set them too; what the command line says wins over it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from redact.errors import ConfigError
from redact.policy import Encoding, Policy, Setting, parse_polygon, settings
from redact.policy_file import PolicyFile, read_policy_file

R = TypeVar("R")
_BUNDLES: dict[str, type[Policy] | type[Encoding]] = {"policy": Policy, "encoding": Encoding}
_FILE = "policy_file"
_CONTEXT = "context"
_PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="Read settings, operator and reasons from a YAML file.", metavar="P.yml"),
]


def with_settings(
    *, only: Collection[str] | None = None, defaults: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command one option for every setting in place of its parameters ``policy`` and ``encoding``.

    And ``--policy``, a file of the same settings, which may say in place of a parameter ``custody`` who and why. A
    parameter that is a dataclass of options becomes those. only: the settings of ``Policy`` that the command takes,
    where that is not all; of a file it takes no others. defaults: of settings of ``Policy``, where this command has
    others than ``Policy`` itself.
    """
    own = defaults or {}

    def decorated(command: Callable[..., R]) -> Callable[..., R]:
        signature = inspect.signature(command, eval_str=True)
        taken = {
            parameter: {
                name: (setting, own.get(name, default) if parameter == "policy" else default)
                for name, (setting, default) in settings(_BUNDLES[parameter]).items()
                if parameter != "policy" or only is None or name in only
            }
            for parameter in signature.parameters
            if parameter in _BUNDLES
        }
        options = [
            _option(name, setting, default) for found in taken.values() for name, (setting, default) in found.items()
        ]
        groups: dict[str, Any] = {
            name: parameter.annotation
            for name, parameter in signature.parameters.items()
            if name not in (*_BUNDLES, "custody") and dataclasses.is_dataclass(parameter.annotation)
        }
        kept = [
            part
            for name, parameter in signature.parameters.items()
            if name not in (*_BUNDLES, "custody")
            for part in (
                _parts(groups[name]) if name in groups else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
            )
        ]

        @functools.wraps(command)
        def run(**given: Any) -> R:
            context: typer.Context = given.pop(_CONTEXT)
            path = given.pop(_FILE)
            file = PolicyFile() if path is None else read_policy_file(path)
            said = {parameter: getattr(file, parameter) for parameter in taken}
            for parameter, found in taken.items():
                told = {name: given.pop(name) for name in found}
                fixed = dict(own) if parameter == "policy" else {}
                fixed |= {name: value for name, value in said[parameter].items() if name in found}
                fixed |= _values({name: value for name, value in told.items() if _is_given(context, name)})
                given[parameter] = _BUNDLES[parameter](**fixed)
            for name, group in groups.items():
                given[name] = group(**{part.name: given.pop(part.name) for part in _parts(group)})
            if "custody" in signature.parameters:
                given["custody"] = file.custody
            return command(**given)

        parameters = [_keyword(_CONTEXT, typer.Context), *kept, _keyword(_FILE, _PolicyFile, None), *options]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer reads it
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorated


def _parts(group: Any) -> list[inspect.Parameter]:
    """The options of a dataclass of options."""
    annotations = get_type_hints(group, include_extras=True)
    return [_keyword(part.name, annotations[part.name], part.default) for part in dataclasses.fields(group)]


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether the command line says it, not only its default."""
    source = context.get_parameter_source(name)
    return source is not None and not source.name.startswith("DEFAULT")


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
        kind = (
            (float | None)
            if name in ("threshold", "grow")
            else (int | None)
            if setting.low is not None
            else (str | None)
        )
        metavar = metavar or {"threshold": "SCORE", "crf": "N", "grow": "N"}.get(name, "NAME")
    elif isinstance(default, bool):
        metavar = None
    else:
        metavar = metavar or {"min_face": "PX", "color": "#RRGGBB", "detector": "NAME|PATH"}.get(name)
        metavar = metavar or ("SECONDS" if name in ("lookahead", "hold") else "N")
    option = typer.Option(flag, help=help, metavar=metavar, show_default=shown)
    return _keyword(name, Annotated[kind, option], default)


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
