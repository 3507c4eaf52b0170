"""The tables of options in conf/README.md, made from the classes: ``python -m dae_lab.config.tables``."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

import yaml

from dae_lab.config.run import Config, Evaluation, Sweep, Tracking, Training
from dae_lab.files import replace_text
from dae_lab.model.decoder import ConvOutput
from dae_lab.optimizers import Schedule
from dae_lab.parts.part import Part, find_part
from dae_lab.parts.schema import Schema, holds_schemas
from dae_lab.paths import conf_folder

BEGIN, END = "<!-- begin: made by python -m dae_lab.config.tables -->\n", "<!-- end -->\n"

SECTIONS: dict[str, type[Schema]] = {
    "decoder/output": ConvOutput,
    "optimizer/schedule": Schedule,
    "training": Training,
    "evaluation": Evaluation,
    "tracking": Tracking,
    "sweep": Sweep,
}
"""Groups whose options are of one schema."""


def render_tables() -> str:
    """All tables, as Markdown."""
    bases = {item.name: item.type for item in fields(Config)}
    groups = [
        "\n".join(_group_of_parts(name, base))
        for name, base in bases.items()
        if isinstance(base, type) and issubclass(base, Part)
    ]
    sections = ["\n".join(_section(name, schema)) for name, schema in SECTIONS.items()]
    return "\n".join([*groups, *sections])


def update_readme() -> None:
    """Write the tables to conf/README.md, between its marks."""
    file = conf_folder() / "README.md"
    head, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    replace_text(file, head + BEGIN + render_tables() + END + rest.partition(END)[2])


def _group_of_parts(name: str, base: type[Part]) -> Iterator[str]:
    """A group: the keys that all its options have, and each option with its own."""
    yield f"### {name}\n"
    common = [item.name for item in fields(base)]
    if keys := list(_keys(base, {}, [])):
        yield from ("Keys of every option:\n", *keys, "")
    yield "| option | what it is | keys of its own |"
    yield "|---|---|---|"
    for option, values in _options(name).items():
        part = find_part(values["_target_"], base, ())
        own = [key for key in _keys(part, values, common) if key.startswith("- ")]
        yield f"| `{option}` | {_summary(part)} | {'<br>'.join(key[2:] for key in own)} |"
    yield ""


def _section(name: str, schema: type[Schema]) -> Iterator[str]:
    options = _options(name)
    first = options.get("default") or next(iter(options.values()))
    yield f"### {name}\n"
    yield f"{_summary(schema)} Options: {', '.join(f'`{option}`' for option in options)}.\n"
    yield from _keys(schema, first, [])
    yield ""


def _keys(schema: type[Schema], values: dict[str, Any], without: list[str]) -> Iterator[str]:
    """A line a key: its default in ``values``, what it takes, what it means."""
    for name, info in schema.__pydantic_fields__.items():  # type: ignore[attr-defined]
        if name.startswith("_") or name in without:
            continue
        kind = info.annotation
        default = f" = {_yaml(values[name])}" if name in values and not holds_schemas(kind) else ""
        takes = _takes(kind, info.metadata)
        yield f"- `{name}{default}`{f' ({takes})' if takes else ''}: {info.description}"


def _takes(kind: Any, limits: list[Any]) -> str:
    """The values that a key takes, as ``0 … 1``, ``mean \\| sum``; empty where its type says all."""
    parts = [part for part in get_args(kind) if isinstance(part, str)]
    if parts:
        return ", ".join(parts)
    metadata = [item for part in get_args(kind) for item in getattr(part, "__metadata__", ())]
    metadata += [inner for item in metadata for inner in getattr(item, "metadata", ())]
    bounds = {
        name: _bound(item, name)
        for name in ("ge", "gt", "le", "lt")
        for item in [*limits, *metadata]
        if _bound(item, name) is not None
    }
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return ", ".join(f"{signs[name]} {value:g}" for name, value in bounds.items())


def _bound(limit: Any, name: str) -> float | None:
    value = getattr(limit, name, None)
    return value if isinstance(value, int | float) else None


def _summary(schema: type) -> str:
    """The first sentence of a class's docstring, on one line."""
    text = " ".join((inspect.getdoc(schema) or "").partition("\n\n")[0].split())
    return text.replace("|", "\\|").replace("``", "`")


def _yaml(value: Any) -> str:
    return re.sub(r"\n\.\.\.", "", yaml.safe_dump(value, default_flow_style=True, width=1000)).strip()


def _options(group: str) -> dict[str, dict[str, Any]]:
    files = sorted((conf_folder() / group).glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in files}


if __name__ == "__main__":
    update_readme()
