"""The numbers that rebuilding must not change: configs that cover every option, trained and judged.

    python tests/benchmarks/golden.py record before.json      # about four minutes on two cores
    python tests/benchmarks/golden.py record after.json
    python tests/benchmarks/golden.py compare before.json after.json

Each file has every metric of every run at every step, except times, to the last bit; files of two machines
cannot be compared.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

SHORT = ["training.epochs=2", "training.batches=5", "evaluation.limit=60", "evaluation.images=60"]
DIGITS = ["data=digits", *SHORT, "training.batch_size=32"]
PRESETS = (
    *("shallow_pool", "shallow_pool_linear_mse", "conv_only", "conv_pool", "conv_conv"),
    *("dense_latent", "spatial_latent", "spatial_latent_mse"),
)
CONFIGS: dict[str, list[str]] = {
    "default": SHORT,
    "unet": [*DIGITS, "encoder=unet", "decoder=unet", "loss=ssim", "noise=salt_and_pepper"],
    "residual": [
        *(*DIGITS, "encoder=residual", "decoder=residual", "latent=conv1x1", "loss=charbonnier"),
        *("noise=speckle", "optimizer=adamw", "optimizer/schedule=cosine", "decoder.interpolation=bilinear"),
    ],
    "mlp": [
        *DIGITS,
        "encoder=mlp",
        "decoder=mlp",
        "latent=dense",
        "loss=huber",
        "noise=masking",
        "optimizer=rmsprop",
    ],
    "variational": [*DIGITS, "latent=variational", "loss.reduction=sum", "noise=uniform"],
    "vector_quantised": [
        *(*DIGITS, "latent=vector_quantised", "decoder=upsample_conv", "loss=mae", "noise=occlusion"),
        *("optimizer=sgd", "optimizer/schedule=step", "optimizer.schedule.drops=[1]"),
    ],
    "sparse": [*DIGITS, "latent=sparse", "loss=weighted", "noise=poisson", "optimizer/schedule=warmup"],
    "sparse_kl": [*DIGITS, "encoder=mlp", "decoder=mlp", "latent=sparse", "latent.penalty=kl", "noise=blur"],
    "contractive": [*DIGITS, "latent=contractive", "noise=chain", "optimizer.global_clipnorm=1"],
    "gaussian_range": [
        *(
            *DIGITS,
            "noise=gaussian_range",
            "noise.clip=false",
            "noise.resample=once",
            "decoder.output.bias=data",
        ),
    ],
    "identity": [*DIGITS, "noise=none", "loss=mse", "training.overfit=true", "evaluation=scores"],
    "layers": [
        *(*DIGITS, "encoder.batch_norm=after_activation", "decoder.batch_norm=before_activation"),
        *("encoder.dropout=0.25", "decoder.dropout=0.1", "encoder.pool=average", "encoder.pool_sizes=[2]"),
        *(
            "encoder.activation=gelu",
            "decoder.activation=elu",
            "encoder.padding=valid",
            "encoder.strides=[1]",
        ),
        *("decoder.padding=valid", "decoder.strides=[1]", "decoder.output.activation=linear", "loss=mse"),
    ],
    "early_stopping": [
        *(*DIGITS, "training.epochs=6", "training.early_stopping.patience=1"),
        *("training.early_stopping.monitor=val/psnr", "training.early_stopping.min_delta=0.5"),
    ],
    "bfloat16": [
        *DIGITS,
        "training.precision=mixed_bfloat16",
        "evaluation=claims",
        "evaluation.target_mse=0.2",
    ],
    "npz": [
        "data=npz",
        "data.path={folder}/colours.npz",
        *SHORT,
        "training.batch_size=16",
        "encoder.slope=0.1",
    ],
    "folder": ["data=folder", "data.path={folder}/pictures", *SHORT, "noise.sigma=0.2", "data.size=[20,20]"],
} | {name: [f"experiment={name}", *SHORT, "seed=1"] for name in PRESETS}

CLAIM = """
defaults: [rule@_here_: default, _self_]
id: G
statement: MSE and BCE end alike
source: none
base: [data=digits, training.epochs=2, training.batches=5, evaluation=scores]
arms: {mse: [loss=mse], bce: [loss=bce]}
definition: {outcome: {metric: val/mse}, effect: mse - bce}
seeds: {minimum: 5, maximum: 10, batch: 5}
"""
TIMES = ("time", "second", "cpu", "memory", "images_per", "wall", "speed")
RUN = [sys.executable, "-m", "dae_lab.run"]


def run(folder: Path, *overrides: str) -> None:
    """Give the command; its output is shown where it fails."""
    command = [*RUN, *overrides, f"tracking.dir={folder}", "tracking.log_model=false"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(overrides)}\n{result.stdout}\n{result.stderr}")


def interrupt(folder: Path, *overrides: str) -> None:
    """Begin to train and send SIGKILL once there is a checkpoint."""
    command = [*RUN, *overrides, f"tracking.dir={folder}", "tracking.log_model=false"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not any((folder / "checkpoints").rglob("*.npz")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    if process.returncode != -signal.SIGKILL:
        raise SystemExit("the run ended before it was interrupted: give it more epochs")


def metrics(folder: Path) -> list[list]:
    """Each [run, key, step, value] of a store, except times; runs are numbered by their values."""
    with sqlite3.connect(folder / "mlflow.db") as database:
        rows = database.execute("SELECT run_uuid, key, step, value, is_nan FROM metrics").fetchall()
    runs: dict[str, list] = {}
    for run_id, key, step, value, is_nan in rows:
        if not any(word in key for word in TIMES):
            runs.setdefault(run_id, []).append([key, step, "nan" if is_nan else repr(value)])
    listed = sorted(sorted(values) for values in runs.values())
    return [[number, *value] for number, values in enumerate(listed) for value in values]


def write_inputs(folder: Path) -> None:
    """Images in colour in an array, grey ones in folders, and a claim."""
    chance = np.random.default_rng(0)
    coarse = chance.integers(0, 256, (100, 6, 6, 3), np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    np.savez(folder / "colours.npz", images=coarse)
    for number, image in enumerate(coarse[:50, :, :, 0]):
        path = folder / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    (folder / "conf" / "claim").mkdir(parents=True)
    (folder / "conf" / "claim" / "golden.yaml").write_text(CLAIM, encoding="utf-8")


def record_all(path: Path) -> None:
    """Train, judge and write down everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        store = {case: folder / "stores" / case for case in (*CONFIGS, "resumed", "sweep", "claim")}
        epochs = ["training.epochs=60", "training.checkpoint_s=0"]

        def resume() -> None:
            interrupt(store["resumed"], *DIGITS, *epochs)
            run(store["resumed"], *DIGITS, *epochs)

        jobs = {case: partial(run, store[case], *fill(CONFIGS[case], folder)) for case in CONFIGS}
        jobs["resumed"] = resume
        jobs["sweep"] = partial(run, store["sweep"], "-m", *DIGITS, "loss=bce,mse", "seed=range(0,4)")
        claim = [f"--config-dir={folder}/conf", "claim=golden", f"claim.notebook={folder}/notebook"]
        jobs["claim"] = partial(run, store["claim"], *claim)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: job(), jobs.values()))
        numbers = {case: metrics(store[case]) for case in store}
        verdict = next((store["claim"] / "artifacts").rglob("verdict.json"))
        content = json.loads(verdict.read_text(encoding="utf-8"))
        numbers["verdict"] = {key: value for key, value in content.items() if key != "facts"}  # not dates
        path.write_text(json.dumps(numbers), encoding="utf-8")
    print(f"{sum(map(len, numbers.values())):,} values of {len(numbers)} cases in {path}")


def fill(overrides: list[str], folder: Path) -> list[str]:
    """The overrides with the folder of the inputs in them."""
    return [override.replace("{folder}", str(folder)) for override in overrides]


def compare(before: Path, after: Path) -> None:
    """Print what differs; exit code 1 if anything does."""
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (before, after))
    differ = {case: (old.get(case), new.get(case)) for case in old | new if old.get(case) != new.get(case)}
    for case, (a, b) in differ.items():
        print(f"{case}:")
        if isinstance(a, list) and isinstance(b, list):
            a, b = ({tuple(row[:3]): row[3] for row in rows} for rows in (a, b))
            changed = [key for key in a | b if a.get(key) != b.get(key)]
            for key in changed[:10]:
                print(f"    {key}: {a.get(key)} -> {b.get(key)}")
            print(f"    {len(changed)} of {len(a | b)} values differ")
    print(f"{len(old | new) - len(differ)} of {len(old | new)} cases equal to the last bit")
    raise SystemExit(bool(differ))


if __name__ == "__main__":
    os.environ.setdefault("DAE_LAB_CACHE", str(Path("~/.cache/dae_lab").expanduser()))
    match sys.argv[1:]:
        case ["record", path]:
            record_all(Path(path))
        case ["compare", before, after]:
            compare(Path(before), Path(after))
        case _:
            raise SystemExit(__doc__)
