"""What is printed when a run has ended."""

import os
from typing import TYPE_CHECKING

from rich import box
from rich.table import Column, Table

from dae_lab.config.run import Config
from dae_lab.errors import printable
from dae_lab.experiment import Result
from dae_lab.metrics import shown_in
from dae_lab.printed_tables import print_table
from dae_lab.report import text
from dae_lab.tracking.reader import RunReader

if TYPE_CHECKING:
    from dae_lab.evaluation.evaluate import Evaluation


def print_summary(result: Result) -> None:
    """Print the model's scores beside the baselines', where the report is, and how to open the UI."""
    record = result.record
    if result.evaluation is None:
        _print_reused(record)
    else:
        _print_scores(record.name, result.evaluation, result.config)
    links = result.store.ui_links(record)
    print(f"reconstructions: {_shorten_path(record.locate_artifact('reconstructions.png'))}")
    if result.config.evaluation.report:
        print(f"report:          {_shorten_path(record.locate_artifact('report.html'))}")
    if links.command:
        print(f"open the UI:     {links.command}")
    print(f"this run:        {links.run}")
    print(f"all runs:        {links.charts}")


def _print_reused(record: RunReader) -> None:
    """Print what is recorded of a run that was not trained again."""
    beaten, collapse = record.tags.get("beats", "none"), record.tags.get("collapse", "none")
    print(f"\n{printable(record.name)}: this very run has finished before; nothing was trained.")
    print(f"Test MSE {record.values['test/mse']:.4f}; beats: {printable(beaten)}; collapse: {collapse}.")
    print("To train it afresh: tracking.reuse=never\n")


def _print_scores(name: str, evaluation: "Evaluation", config: Config) -> None:
    from dae_lab.evaluation.scores import interval  # here, because it imports TensorFlow, as the run has

    print(f"\n{name}: means over {len(evaluation.energies):,} test images")
    print(text.in_short(config))
    print_table(_scores_table(evaluation))
    if config.training.batches is not None and not config.training.overfit:
        print(f"Cut short (training.batches={config.training.batches}): it runs, but the scores mean little.")
    else:
        print(text.verdict(evaluation))
        if collapse := evaluation.collapse.sentence():
            print(f"Collapsed: {collapse}.\nWhat to try: {text.ADVICE[evaluation.collapse.label]}.")
    mse = interval(evaluation.model["mse"])
    bounds = f"{text.bounds(mse)}, 95 % over images" if text.bounds(mse) else "of one image"
    print(f"Test MSE {mse.mean:.4f} {bounds}. {text.headline(evaluation)}\n")


def _scores_table(evaluation: "Evaluation") -> Table:
    metrics = shown_in("headline", "summary")
    columns = [Column(f"{metric.title} {metric.arrow}", justify="right") for metric in metrics]
    table = Table(Column("", no_wrap=True), *columns, Column("the model", no_wrap=True), box=box.SIMPLE_HEAD)
    titles = {"model": "this model", **{name: item.title for name, item in evaluation.baselines.items()}}
    verdicts = {name: comparison.verdict for name, comparison in evaluation.comparisons.items()}
    for name, title in titles.items():
        values = evaluation.scores[name]
        cells = (text.number(values[metric.name], metric.decimals) for metric in metrics)
        table.add_row(title, *cells, verdicts.get(name, ""), style="bold" if name == "model" else "")
    return table


def _shorten_path(path: str) -> str:
    """Return a path relative to the current folder, if that is shorter."""
    relative = os.path.relpath(path) if path.startswith("/") else path
    return relative if len(relative) < len(path) else path
