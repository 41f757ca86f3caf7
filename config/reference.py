"""The reference of all settings, made from the models that read them: ``python -m config.reference`` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.settings import Settings, variable

HEAD = """# Settings

Every setting is an environment variable; the same names without `BRIDGE_`, in lower case and with `__` as levels, form
the TOML file that `BRIDGE_CONFIG` names, whose values the environment overrides. A value that is not a plain word is
written as JSON. Every variable also exists as `…_FILE`, the path of a file that holds the value: use it for secrets.
`bridge config check` lists every mistake at once. This page is made by `python -m config.reference`.
"""
OF_AN_ACCOUNT = "{ACCOUNT}"


def reference() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(_section(path, model) for path, model in _models((), Settings))


def _models(path: tuple[str, ...], model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """A model and those below it, with the names that lead to each."""
    yield path, model
    for name, field in model.model_fields.items():
        below = _below(field.annotation)
        if below is not None:
            levels = (OF_AN_ACCOUNT,) if get_origin(field.annotation) is dict else ()
            yield from _models((*path, name, *levels), below)


def _below(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _section(path: tuple[str, ...], model: type[BaseModel]) -> str:
    rows = [
        _row(variable(*path, name), field) for name, field in model.model_fields.items() if _is_shown(path, name, field)
    ]
    if not rows:
        return ""
    title = " ".join((model.__doc__ or "").split("\n\n", maxsplit=1)[0].split()).rstrip(".")
    return "\n".join(["", f"## {title}", "", "| variable | default | what |", "|---|---|---|", *rows, ""])


def _is_shown(path: tuple[str, ...], name: str, field: FieldInfo) -> bool:
    """Whether it is a value of its own: a part has its own section, an account's name is in the variable."""
    return _below(field.annotation) is None and not (path[-1:] == (OF_AN_ACCOUNT,) and name == "account")


def _row(name: str, field: FieldInfo) -> str:
    text = (field.description or "").replace("|", "\\|")
    secret = " Secret." if field.annotation is SecretStr else ""
    return f"| `{name}` | {_default(field)} | {text.rstrip('.')}{_bounds(field)}.{secret} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ((), {}, []):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    """The limits of a number, in words."""
    found: Mapping[str, Any] = {
        word: getattr(rule, word) for rule in field.metadata for word in ("ge", "gt", "le", "lt") if hasattr(rule, word)
    }
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    listed = ", ".join(f"{words[word]} {value}" for word, value in found.items() if value is not None)
    return f" ({listed})" if listed else ""


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
