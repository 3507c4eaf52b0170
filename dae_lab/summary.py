"""What a person sees when a run has ended."""

import os
from typing import TYPE_CHECKING

from rich import box
from rich.table import Column, Table

from dae_lab.config.run import Config
from dae_lab.errors import printable
from dae_lab.experiment import Result
from dae_lab.metrics import shown_in
from dae_lab.report import text
from dae_lab.tables import print_table
from dae_lab.tracking.recorded import Recorded

if TYPE_CHECKING:
    from dae_lab.evaluation.evaluate import Evaluation


def show(result: Result) -> None:
    """Print what the model is worth beside the baselines, where the report is, and how to open the UI."""
    record = result.record
    if result.evaluation is None:
        _show_reused(record)
    else:
        _show_scores(record.name, result.evaluation, result.config)
    command, run_page, all_runs = result.store.ui(record)
    print(f"reconstructions: {_short(record.artifact('reconstructions.png'))}")
    if result.config.evaluation.report:
        print(f"report:          {_short(record.artifact('report.html'))}")
    if command:
        print(f"open the UI:     {command}")
    print(f"this run:        {run_page}")
    print(f"all runs:        {all_runs}")


def _show_reused(record: Recorded) -> None:
    """What is said of a run that was not trained again."""
    beaten, collapse = record.tags.get("beats", "none"), record.tags.get("collapse", "none")
    print(f"\n{printable(record.name)}: this very run has finished before; nothing was trained.")
    print(f"Test MSE {record.values['test/mse']:.4f}; beats: {printable(beaten)}; collapse: {collapse}.")
    print("To train it afresh: tracking.reuse=never\n")


def _show_scores(name: str, found: "Evaluation", config: Config) -> None:
    from dae_lab.evaluation.scores import interval  # these bring TensorFlow along, as the run has

    print(f"\n{name}: means over {len(found.energies):,} test images")
    print(text.in_short(config))
    print_table(_table(found))
    if config.training.batches is not None and not config.training.overfit:
        print(f"Cut short (training.batches={config.training.batches}): it runs, but the scores mean little.")
    else:
        print(text.verdict(found))
        if found.collapse.sentence():
            advice = text.ADVICE[found.collapse.label]
            print(f"Collapsed: {found.collapse.sentence()}.\nWhat to try: {advice}.")
    mse = interval(found.model["mse"])
    bounds = f"{text.bounds(mse)}, 95 % over images" if text.bounds(mse) else "of one image"
    print(f"Test MSE {mse.mean:.4f} {bounds}. {text.headline(found)}\n")


def _table(found: "Evaluation") -> Table:
    metrics = shown_in("headline", "summary")
    columns = [Column(f"{metric.title} {metric.arrow}", justify="right") for metric in metrics]
    table = Table(Column("", no_wrap=True), *columns, Column("the model", no_wrap=True), box=box.SIMPLE_HEAD)
    titles = {"model": "this model", **{name: item.title for name, item in found.baselines.items()}}
    verdicts = {name: comparison.verdict for name, comparison in found.comparisons.items()}
    for name, title in titles.items():
        values = found.scores[name]
        cells = (text.number(values[metric.name], metric.decimals) for metric in metrics)
        table.add_row(title, *cells, verdicts.get(name, ""), style="bold" if name == "model" else "")
    return table


def _short(path: str) -> str:
    """A path relative to the current folder, where that is shorter."""
    relative = os.path.relpath(path) if path.startswith("/") else path
    return relative if len(relative) < len(path) else path
