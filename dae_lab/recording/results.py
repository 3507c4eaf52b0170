"""What a trained model is worth, recorded: metrics, tags, a table, and everything as JSON."""

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
from dae_lab.tracking.plain import plain
from dae_lab.tracking.record import Record
from dae_lab.training.checkpoint import History

CLASSES = 40
"""Classes in a run's description, at most: MLflow cuts what is longer than 5,000 letters."""


def record_evaluation(record: Record, found: Evaluation) -> None:
    """Record what ``found`` says of the model.

    Metrics that cannot be given (a target that was never reached, no labels) are left out; the JSON
    file says of each why: null, beside the last epoch that was watched.
    """
    finite = {
        key: value for key, value in numbers(found).items() if value is not None and math.isfinite(value)
    }
    record.metrics(finite, step=0)
    if found.generalisation:
        levels = found.generalisation.levels.items()
        record.series([("noise_level/mse", point.mse, round(100 * level)) for level, point in levels])
        record.series([("noise_level/noisy_mse", point.noisy, round(100 * level)) for level, point in levels])
    record.tag("collapse", found.collapse.label)
    record.tag("beats", ", ".join(found.names("beats")) or "none")
    record.describe(markdown(found))
    record.text(json.dumps(as_json(found), indent=1) + "\n", "evaluation.json")


def record_figures(
    record: Record,
    config: Config,
    model: Autoencoder,
    found: Evaluation,
    history: History,
    trajectory: Trajectory,
    facts: Mapping[str, str],
) -> None:
    """Draw the figures, and write the report page.

    Args:
        facts: what was run and is no config key, by name.
    """
    from dae_lab.report.page import page  # here, because matplotlib takes a second to import
    from dae_lab.report.pictures import pictures
    from dae_lab.report.words import in_short

    noise = config.noise.described()
    loss = option_name("loss", config.loss)
    drawn = pictures(found, history, trajectory, first_kernels(model), noise, loss)
    for name, picture in drawn.items():
        record.picture(picture, f"figures/{name}.png")
    facts = {"in short": in_short(config), **facts}
    text = OmegaConf.to_yaml(OmegaConf.create(asdict(config)))
    versions = {name: packages()[name] for name in ("tensorflow", "keras", "mlflow")}
    known = {"run id": record.run_id, "seed": str(config.seed), **facts, **versions}
    record.text(page(record.name, found, drawn, text, known), "report.html")


def numbers(found: Evaluation) -> dict[str, float | None]:
    """All single numbers under the names they are compared by in MLflow."""
    values: dict[str, float | None] = {f"test/{key}": value for key, value in found.scores["model"].items()}
    values |= {f"baseline_mse/{name}": found.scores[name]["mse"] for name in found.baselines}
    values["test/baselines_beaten"] = len(found.names("beats"))
    values |= {f"class_nmse/{label}": score.nmse.mean for label, score in found.classes.items()}
    for key in ("variance_ratio", "saturated", "gradient_norm"):
        values[f"collapse/{key}"] = getattr(found.collapse, key)
    if found.convergence:
        values["convergence/area"] = found.convergence.area
        for share, epoch in found.convergence.epochs_to.items():
            values[f"convergence/epochs_to_{share}"] = epoch
        for target, reached in found.convergence.reached.items():
            values[f"convergence/epoch_below_{target}"] = reached.epoch
            values[f"convergence/step_below_{target}"] = reached.step
    if found.generalisation:
        for name, point in found.generalisation.corruptions.items():
            values[f"corruption_mse/{name}"] = point.mse
            values[f"corruption_noisy_mse/{name}"] = point.noisy
    if found.geometry:
        for name, view in found.geometry.views.items():
            values |= {f"{name}/{kind}": getattr(view, kind) for kind in VIEW}
            values |= {f"{name}/rho_{of}": item.rho for of, item in view.correlations.items()}
    return values


def as_json(found: Evaluation) -> dict[str, Any]:
    """Everything but images and single images' values; NaN is null."""
    return plain(
        {
            "test_images": len(found.energies),
            "scores": found.scores,
            "comparisons": found.comparisons,
            "baselines": {
                name: {"title": item.title, "note": item.note, "validation_mse": item.validation}
                for name, item in found.baselines.items()
            },
            "classes": {
                label: {"name": found.test[1].class_name(label), **asdict(score)}
                for label, score in found.classes.items()
            },
            "collapse": found.collapse,
            "convergence": found.convergence,
            "generalisation": found.generalisation,
            "geometry": found.geometry and {name: _view(item) for name, item in found.geometry.views.items()},
        }
    )


def _view(view: Any) -> dict[str, Any]:
    """A view's numbers, without what has one row an image or one column a unit."""
    fields = asdict(view)
    return {key: value for key, value in fields.items() if key not in ("plane", "axes", "centre")}


def markdown(found: Evaluation) -> str:
    """The scores as tables, for the run's description."""
    kinds = list(found.scores["model"])
    lines = [f"| test images | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    for name, values in found.scores.items():
        title = found.baselines[name].title if name in found.baselines else name
        lines.append(f"| {title} | {' | '.join(f'{values[kind]:.4f}' for kind in kinds)} |")
    if found.classes:
        lines += ["", "| class | images | MSE / E[x²] | recorded as |", "|---|---|---|---|"]
    for label, score in list(found.classes.items())[:CLASSES]:
        name = found.test[1].class_name(label).replace("|", "\\|")
        lines.append(f"| {name} | {score.images:,} | {score.nmse.mean:.4f} | class_nmse/{label} |")
    if len(found.classes) > CLASSES:
        lines.append(f"\nThe other {len(found.classes) - CLASSES:,} classes are in evaluation.json.")
    trouble = found.collapse.sentence()
    return "\n".join([f"**Collapsed: {trouble}.**\n"] * bool(trouble) + lines)
