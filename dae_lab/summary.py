"""What a person sees when a run has ended."""

import os

from rich.console import Console
from rich.table import Column, Table

from dae_lab.experiment import Result

COLUMNS = {"mse": ("MSE ↓", 4), "psnr": ("PSNR (dB) ↑", 2), "ssim": ("SSIM ↑", 4), "bce": ("BCE (nats) ↓", 4)}
"""Metric → title and decimals."""

ROWS = {"model": "this model", "noisy": "noisy image, as it is", "mean_image": "mean training image"}


def show(result: Result) -> None:
    """Print the test scores beside the baselines', where the pictures are, and how to open the UI."""
    record = result.record
    table = Table("", *(Column(title, justify="right") for title, _ in COLUMNS.values()))
    for name, values in result.scores.items():
        cells = (f"{values[key]:.{decimals}f}" for key, (_, decimals) in COLUMNS.items())
        table.add_row(ROWS.get(name, name), *cells)
    print(f"\n{record.name}: means over {result.test_images:,} test images")
    Console().print(table)
    command, run_page, all_runs = result.store.ui(record)
    print(f"reconstructions: {_short(record.artifact('reconstructions.png'))}")
    if command:
        print(f"open the UI:     {command}")
    print(f"this run:        {run_page}")
    print(f"all runs:        {all_runs}")


def _short(path: str) -> str:
    """A path relative to the current folder, where that is shorter."""
    relative = os.path.relpath(path) if path.startswith("/") else path
    return relative if len(relative) < len(path) else path
