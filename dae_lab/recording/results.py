"""The evaluation of a trained model, recorded: metrics, tags, a table, figures, and everything as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from omegaconf import OmegaConf

from dae_lab.config.options import option_name
from dae_lab.config.run import Config
from dae_lab.evaluation.convergence import Trajectory
from dae_lab.evaluation.evaluate import Evaluation
from dae_lab.model.autoencoder import Autoencoder, first_kernels
from dae_lab.provenance import packages
from dae_lab.recording.names import VIEW
from dae_lab.tracking.jsonable import to_jsonable
from dae_lab.tracking.writer import RunWriter
from dae_lab.training.checkpoint import History

MAX_CLASSES = 40
"""Classes in a run's description, at most: MLflow cuts what is longer than 5,000 letters."""


def record_evaluation(record: RunWriter, evaluation: Evaluation) -> None:
    """Record an evaluation: metrics, the tags ``collapse`` and ``beats``, a table, ``evaluation.json``.

    Metrics that do not exist (a target that was never reached, no labels) are left out; in the JSON file they
    are null, with the last epoch that was watched.
    """
    metrics = summary_metrics(evaluation).items()
    record.log_metrics({k: v for k, v in metrics if v is not None and math.isfinite(v)}, step=0)
    if evaluation.robustness:
        levels = evaluation.robustness.levels.items()
        record.log_series([("noise_level/mse", point.mse, round(100 * level)) for level, point in levels])
        record.log_series(
            [("noise_level/noisy_mse", point.noisy, round(100 * level)) for level, point in levels]
        )
    record.set_tag("collapse", evaluation.collapse.label)
    record.set_tag("beats", ", ".join(evaluation.names("beats")) or "none")
    record.set_description(scores_table(evaluation))
    record.log_text(json.dumps(evaluation_json(evaluation), indent=1) + "\n", "evaluation.json")


def record_figures(
    record: RunWriter,
    config: Config,
    model: Autoencoder,
    evaluation: Evaluation,
    history: History,
    trajectory: Trajectory,
    facts: Mapping[str, str],
) -> None:
    """Draw the figures, and write the report page.

    Args:
        facts: what ``record_setup`` has returned, and more of the kind.
    """
    from dae_lab.report.page import page  # here, because matplotlib takes a second to import
    from dae_lab.report.pictures import pictures
    from dae_lab.report.text import in_short

    noise = config.noise.described()
    loss = option_name("loss", config.loss)
    drawn = pictures(evaluation, history, trajectory, first_kernels(model), noise, loss)
    for name, picture in drawn.items():
        record.log_picture(picture, f"figures/{name}.png")
    facts = {"in short": in_short(config), **facts}
    text = OmegaConf.to_yaml(OmegaConf.create(asdict(config)))
    versions = {name: packages()[name] for name in ("tensorflow", "keras", "mlflow")}
    known = {"run id": record.run_id, "seed": str(config.seed), **facts, **versions}
    record.log_text(page(record.name, evaluation, drawn, text, known), "report.html")


def summary_metrics(evaluation: Evaluation) -> dict[str, float | None]:
    """Return all single numbers by the names of their metrics; None for those that do not exist."""
    values: dict[str, float | None] = {
        f"test/{key}": value for key, value in evaluation.scores["model"].items()
    }
    values |= {f"baseline_mse/{name}": evaluation.scores[name]["mse"] for name in evaluation.baselines}
    values["test/baselines_beaten"] = len(evaluation.names("beats"))
    values |= {f"class_nmse/{label}": score.nmse.mean for label, score in evaluation.classes.items()}
    for key in ("variance_ratio", "saturated", "gradient_norm"):
        values[f"collapse/{key}"] = getattr(evaluation.collapse, key)
    if evaluation.convergence:
        values["convergence/area"] = evaluation.convergence.area
        for share, epoch in evaluation.convergence.epochs_to.items():
            values[f"convergence/epochs_to_{share}"] = epoch
        for target, reached in evaluation.convergence.reached.items():
            values[f"convergence/epoch_below_{target}"] = reached.epoch
            values[f"convergence/step_below_{target}"] = reached.step
    if evaluation.robustness:
        for name, point in evaluation.robustness.corruptions.items():
            values[f"corruption_mse/{name}"] = point.mse
            values[f"corruption_noisy_mse/{name}"] = point.noisy
    if evaluation.geometry:
        for name, view in evaluation.geometry.views.items():
            values |= {f"{name}/{kind}": getattr(view, kind) for kind in VIEW}
            values |= {f"{name}/rho_{of}": item.rho for of, item in view.correlations.items()}
    return values


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything but images and single images' values, as JSON holds it; NaN is null."""
    return to_jsonable(
        {
            "test_images": len(evaluation.energies),
            "scores": evaluation.scores,
            "comparisons": evaluation.comparisons,
            "baselines": {
                name: {"title": item.title, "note": item.note, "validation_mse": item.validation}
                for name, item in evaluation.baselines.items()
            },
            "classes": {
                label: {"name": evaluation.test[1].class_name(label), **asdict(score)}
                for label, score in evaluation.classes.items()
            },
            "collapse": evaluation.collapse,
            "convergence": evaluation.convergence,
            "generalisation": evaluation.robustness,
            "geometry": evaluation.geometry
            and {name: _view(item) for name, item in evaluation.geometry.views.items()},
        }
    )


def _view(view: Any) -> dict[str, Any]:
    """Return a view's numbers, without what has one row an image or one column a unit."""
    fields = asdict(view)
    return {key: value for key, value in fields.items() if key not in ("plane", "axes", "centre")}


def scores_table(evaluation: Evaluation) -> str:
    """Return the scores as tables in Markdown, for the run's description."""
    kinds = list(evaluation.scores["model"])
    lines = [f"| test images | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for name, values in evaluation.scores.items():
        title = evaluation.baselines[name].title if name in evaluation.baselines else name
        lines.append(f"| {title} | {' | '.join(f'{values[kind]:.4f}' for kind in kinds)} |")
    if evaluation.classes:
        lines += ["", "| class | images | MSE / E[x²] | recorded as |", "|---|---|---|---|"]
    for label, score in list(evaluation.classes.items())[:MAX_CLASSES]:
        name = evaluation.test[1].class_name(label).replace("|", "\\|")
        lines.append(f"| {name} | {score.images:,} | {score.nmse.mean:.4f} | class_nmse/{label} |")
    if len(evaluation.classes) > MAX_CLASSES:
        lines.append(f"\nThe other {len(evaluation.classes) - MAX_CLASSES:,} classes are in evaluation.json.")
    collapse = evaluation.collapse.sentence()
    return "\n".join([f"**Collapsed: {collapse}.**\n"] * bool(collapse) + lines)
