"""Modules of libraries that need their assertions or docstrings, kept whole under ``python -O``."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

NEEDED = (
    "hydra.core.override_parser.overrides_visitor",  # 1.3.8 parses brackets, as of range(…), in an assertion
    "mlflow.data.artifact_dataset_sources",  # 3.17 formats docstrings, and warns ten times if there are none
)


class _Loader(SourceFileLoader):
    """Compiles a module as Python does without ``-O``; nothing of it is cached."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self.get_data(self.path), self.path, "exec", dont_inherit=True, optimize=0)
        return code


class _Finder:
    """Finds the modules of ``NEEDED`` for ``_Loader``."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in NEEDED else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


def keep_assertions() -> None:
    """Import the modules of ``NEEDED`` with their assertions and docstrings from now on."""
    sys.meta_path.insert(0, _Finder)
