"""What a person sees when a run has ended."""

import os

from rich.console import Console
from rich.table import Table

from dae_lab.experiment import Result

COLUMNS = {"mse": "MSE ↓", "psnr": "PSNR (dB) ↑", "ssim": "SSIM ↑", "bce": "BCE (nats) ↓"}
ROWS = {"model": "this model", "noisy": "noisy image, as it is", "mean_image": "mean training image"}


def show(result: Result) -> None:
    """Print the test scores beside the baselines', where the pictures are, and how to open the UI."""
    record = result.record
    table = Table(title=f"{record.name}: test images", title_justify="left")
    table.add_column("")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for name, values in result.scores.items():
        table.add_row(ROWS.get(name, name), *(f"{values[key]:.4f}" for key in COLUMNS))
    console = Console()
    console.print(table)
    command, page = result.store.ui(record)
    print(f"reconstructions: {_short(record.artifact('reconstructions.png'))}")
    if command:
        print(f"open the UI:     {command}")
    print(f"this run:        {page}")


def _short(path: str) -> str:
    """A path relative to the current folder, where that is shorter."""
    relative = os.path.relpath(path) if path.startswith("/") else path
    return relative if len(relative) < len(path) else path
