"""Parts: what a config names by ``_target_``, with its keys and what it does in one class.

A class of dae_lab is an option because a file of ``conf/`` names it. A class of a person's own works in the
same way if the command line trusts its package: ``noise._target_=my_lab.noise.Rain trust=[my_lab]``.
"""

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import model_validator

from dae_lab.errors import describe_error
from dae_lab.parts.schema import Schema, refuse
from dae_lab.paths import conf_folder

OWN_PACKAGES = ("dae_lab", "keras")
"""Packages whose parts are those that ``conf/`` names; they need no trust and are given none."""

DOTTED = re.compile(r"\w+(\.\w+)+")


class Part(Schema):
    """The base of all parts. ``class Corruption(Part, group="noise")`` is the base of a group of ``conf/``.

    Class arguments:
        group: the folder of ``conf/`` whose options are parts of this kind.
        target: the ``_target_`` of configs, where it is not the module and name of the class.
    """

    _target_: str = ""

    def __init_subclass__(cls, *, group: str = "", target: str = "", **more: Any) -> None:
        cls._target_ = target or f"{cls.__module__}.{cls.__qualname__}"
        cls.__annotations__ = {"_target_": str, **cls.__annotations__}
        if group:
            cls._group = group  # type: ignore[attr-defined]
        super().__init_subclass__(**more)
        _parts[cls._target_] = cls

    @model_validator(mode="wrap")
    @classmethod
    def _choose_class(cls, plain: Any, check: Any, info: Any) -> Any:
        if not isinstance(plain, Mapping):
            return check(plain)
        if "_target_" not in plain:
            raise refuse("._target_ is missing: give it a value")
        part = find_part(plain["_target_"], cls, info.context or ())
        plain = {**plain, "_target_": part._target_}
        if part is cls:
            return check(plain)
        return part.__pydantic_validator__.validate_python(plain, context=info.context)  # type: ignore[attr-defined]


_parts: dict[str, type[Part]] = {}


@cache
def shipped_targets(group: str) -> dict[str, str]:
    """The ``_target_`` of each option of ``group`` in ``conf/``, and the option: of several, the first.

    Args:
        group: ``noise``, or ``*`` for all groups.
    """
    found: dict[str, str] = {}
    for file in sorted(conf_folder().glob(f"{group}/*.yaml")):
        if target := re.search(r"^_target_: (\S+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(target[1], file.stem)
    return found


def may_name_part(target: Any) -> bool:
    """Whether a config file may hold ``target``; whether it is trusted is decided by ``find_part``."""
    if not isinstance(target, str) or not DOTTED.fullmatch(target):
        return False
    foreign = target.partition(".")[0] not in (*OWN_PACKAGES, *sys.stdlib_module_names)
    return foreign or target in shipped_targets("*")


def find_part(target: Any, base: type[Part], trust: Sequence[str]) -> type[Part]:
    """The class that ``target`` names; its module is imported, if its package is dae_lab or trusted.

    Raises:
        PydanticCustomError: it is not trusted, there is none, or it is no ``base``. Says what to add.
    """
    shipped = shipped_targets(base._group)  # type: ignore[attr-defined]
    options = f"._target_ must be one of {', '.join(shipped)}; got {target!r}"
    if not isinstance(target, str):
        raise refuse(options)
    package = target.partition(".")[0]
    trusted = package in trust and package not in OWN_PACKAGES
    if target not in shipped and not trusted:
        own = may_name_part(target)
        advice = f"; if this is a class of yours, add trust=[{package}] to the command line"
        raise refuse(options + advice * own)
    part = _parts.get(target) or _import(target)
    if not (isinstance(part, type) and issubclass(part, base)):
        raise refuse(f"._target_: {target} is no subclass of {base.__module__}.{base.__name__}")
    return part


def _import(target: str) -> Any:
    module, _, name = target.rpartition(".")
    try:
        package_source(target.partition(".")[0])  # before it runs, so that what runs is what is hashed
        imported = import_module(module)
    except Exception as error:  # whatever the code of a person's own raises
        raise refuse(
            f"._target_: {module} cannot be imported ({describe_error(error)}); install its package, or give "
            f"the folder that it is in as extensions=FOLDER"
        ) from error
    return _parts.get(target) or getattr(imported, name, None)


@cache
def package_source(package: str) -> bytes:
    """The names and contents of all Python files of a package or module, as this process first read them."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
    if spec and spec.origin and not folders:
        files = [Path(spec.origin)]
    return b"".join(f"{file.name}\n".encode() + file.read_bytes() for file in files)


def own_code(plain: Any) -> str:
    """SHA-256, in hex, of the packages of a person's own whose parts ``plain`` names; empty where none does.

    Args:
        plain: a config, or a part of one, as nested mappings.
    """
    packages = sorted({target.partition(".")[0] for target in _targets(plain)} - {*OWN_PACKAGES})
    if not packages:
        return ""
    return hashlib.sha256(b"".join(package_source(package) for package in packages)).hexdigest()


def _targets(plain: Any) -> Iterator[str]:
    if isinstance(plain, Mapping):
        if "_target_" in plain:
            yield plain["_target_"]
        for value in plain.values():
            yield from _targets(value)


def add_extensions(folder: str | None) -> None:
    """Let modules of ``folder`` be imported, after those that are installed."""
    if folder is not None:
        path = str(Path(folder).expanduser().absolute())
        if path not in sys.path:
            sys.path.append(path)
