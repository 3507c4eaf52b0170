"""Ways in which a file gets damaged, and the kinds of files of a store."""

import os
import random
import shutil
from pathlib import Path

KINDS = {
    "database": "mlflow.db",
    "journal": "mlflow.db-journal",
    "write-ahead log": "mlflow.db-wal",
    "lock of the store": "locks/store",
    "lock of the run": "locks/" + "[0-9a-f]" * 32,
    "checkpoint": "checkpoints/*/checkpoint.npz",
    "artifact": "artifacts/dae_lab/*/artifacts/config.yaml",
    "model": "artifacts/dae_lab/models/*/artifacts/MLmodel",
}
"""Where files of each kind are, below the store."""

DAMAGES = ("truncated", "bit flipped", "empty", "removed", "folder", "FIFO", "dangling link")


def damage(file: Path, how: str, chance: random.Random) -> None:
    """Damage ``file``; one that is not there is made of random bytes first."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(5000))
    content = bytearray(file.read_bytes())
    if how == "truncated":
        file.write_bytes(content[: chance.randrange(len(content) or 1)])
    elif how == "bit flipped":
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
    elif how == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
        if how == "folder":
            (file / "inside").mkdir(parents=True)
        elif how == "FIFO":
            os.mkfifo(file)
        elif how == "dangling link":
            file.symlink_to(file.with_name("nowhere-to-be-found"))


def files(store: Path, kind: str) -> list[Path]:
    """The files of this kind in ``store``; where one may be, if there is none."""
    pattern = KINDS[kind]
    return sorted(store.glob(pattern)) or ([] if "*" in pattern or "[" in pattern else [store / pattern])


def restore(snapshot: Path, store: Path) -> None:
    """Have ``store`` as it was when ``snapshot`` was taken; places of artifacts are absolute."""
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(snapshot, store, symlinks=True)


def table(results: dict[tuple[str, str], list[str]]) -> str:
    """Kinds × damages: how many were tried, and how many survived; then what did not."""
    kinds = list(dict.fromkeys(kind for kind, _ in results))
    lines = ["| file | " + " | ".join(DAMAGES) + " |", "|---" * (len(DAMAGES) + 1) + "|"]
    for kind in kinds:
        found = [results.get((kind, how), []) for how in DAMAGES]
        cells = [f"{sum(not text for text in cell)}/{len(cell)}" if cell else "" for cell in found]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    failed = [f"{kind}, {how}: {text}" for (kind, how), cell in results.items() for text in cell if text]
    return "\n".join([*lines, "", *failed])
