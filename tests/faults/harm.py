"""Ways in which a file gets damaged, and the kinds of files that there are."""

import os
import random
from dataclasses import dataclass
from pathlib import Path

DAMAGES = ("truncated", "bit flipped", "empty", "removed", "folder", "FIFO", "dangling link")

HEX32 = "[0-9a-f]" * 32


@dataclass(frozen=True)
class Kind:
    """Files of one kind.

    name: for people. pattern: where they are, below the world's folder.
    made: one that is not there is made of random bytes first.
    """

    name: str
    pattern: str
    made: bool = False

    def files(self, folder: Path) -> list[Path]:
        """Those in ``folder``; where one may be, if there is none and it is made."""
        return sorted(folder.glob(self.pattern)) or ([folder / self.pattern] if self.made else [])


STORE = [
    Kind("database", "store/mlflow.db"),
    Kind("journal", "store/mlflow.db-journal", made=True),
    Kind("write-ahead log", "store/mlflow.db-wal", made=True),
    Kind("lock of the store", "store/locks/store"),
    Kind("lock of the run", f"store/locks/{HEX32}"),
    Kind("lock of a turn", "store/locks/turn-*"),
    Kind("checkpoint", "store/checkpoints/*/checkpoint.npz"),
    Kind("artifact", "store/artifacts/dae_lab/*/artifacts/config.yaml"),
    Kind("model", "store/artifacts/dae_lab/models/*/artifacts/MLmodel"),
    Kind("backup of a relocation", "store/mlflow.db.before-relocation-*"),
]
"""Of a run that was cut, or has finished."""

CACHE = [
    Kind("baseline", "cache/baselines/*.npz"),
    Kind("lock of a baseline", "cache/baselines/locks/*"),
    Kind("measured precision", "cache/precision/*.json"),
]

SWEEP = [
    Kind("plan of a sweep", "store/sweeps/*/plan.json"),
    Kind("log of a sweep's run", "store/sweeps/*/logs/*"),
    Kind("Hydra's config of a sweep", "store/sweeps/multirun.yaml"),
    Kind("lock of sweeps", "store/locks/sweeps"),
    Kind("checkpoint of a sweep's run", "store/checkpoints/*/checkpoint.npz"),
]

SPOOL = [
    Kind("spool: whose it is", f"store/spool/{HEX32}/run.json"),
    Kind("spool: a write", "store/spool/*/0*.json"),
    Kind("spool: a file of a write", "store/spool/*/0*/**/*.*"),
]

DATA = [
    Kind("downloaded data", "cache/mnist/*.gz"),
    Kind("a person's image", "data/images/*.png"),
    Kind("a person's arrays", "data/images.npz"),
]


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


Results = dict[tuple[str, str], list[str]]
"""By kind and damage: what was wrong at each try; empty texts where nothing was."""


def table(results: Results) -> str:
    """Kinds × damages: how many survived of those tried; then what did not."""
    kinds, columns = (list(dict.fromkeys(key[place] for key in results)) for place in (0, 1))
    lines = ["|  | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for kind in kinds:
        found = [results.get((kind, how), []) for how in columns]
        cells = [f"{sum(not text for text in cell)}/{len(cell)}" if cell else "" for cell in found]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    failed = [f"{kind}, {how}: {text}" for (kind, how), cell in results.items() for text in cell if text]
    return "\n".join([*lines, "", *failed])


def assert_survived(results: Results) -> None:
    """Print the table, and fail where something was wrong."""
    print(f"\n{table(results)}")
    assert any(results.values())
    assert not [text for texts in results.values() for text in texts if text]
