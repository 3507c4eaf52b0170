"""The text of a report: how numbers are written, and the sentences that answer "does it work?"."""

import math
from typing import TYPE_CHECKING

from dae_lab.baselines.registry import BASELINES
from dae_lab.config.options import option_name
from dae_lab.config.run import Config

if TYPE_CHECKING:  # these bring TensorFlow along; a sweep does without
    from dae_lab.evaluation.evaluate import Evaluation
    from dae_lab.evaluation.scores import Interval

ADVICE = {
    "black": "start the output at the mean pixel (decoder.output.bias=data), or train with loss=bce, whose "
    "gradient does not vanish where a sigmoid is saturated",
    "white": "start the output at the mean pixel (decoder.output.bias=data), or lower "
    "optimizer.learning_rate",
    "constant": "train longer (training.epochs), change optimizer.learning_rate, or take another loss",
    "mean_image": "train longer (training.epochs): many models show the mean image on their way; then change "
    "optimizer.learning_rate, or give the code more room (latent)",
    "fixed_image": "train longer (training.epochs), or lower optimizer.learning_rate",
    "identity": "see whether the noise is strong enough to matter, and take away what hands the image "
    "through: skip connections, decoder.output.residual, or a code wider than the image",
}
"""What to try, by the label of a collapse."""


def number(value: float | None, decimals: int = 4) -> str:
    """A number for a table: ``0.0140``; of one too small for four decimals, two digits: ``3.2e-05``.

    None, which says that there is no such number, is a dash; NaN is written out, so that nobody overlooks it.
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else f"{value:+}inity"
    if value and (abs(value) >= 1e5 or (decimals >= 4 and abs(value) < 10 ** (1 - decimals))):
        return f"{value:.1e}"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # no -0.000


def bounds(interval: "Interval", decimals: int = 4) -> str:
    """An interval's ends, ``[0.0138, 0.0142]``; empty where it has none, as of a single image."""
    if math.isnan(interval.low) or math.isnan(interval.high):
        return ""
    return f"[{number(interval.low, decimals)}, {number(interval.high, decimals)}]"


def share(value: float | None) -> str:
    """A share in per cent, ``93.1 %``; as ``number`` where it is None or NaN."""
    return number(value) if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def part(value: float, whole: float) -> str:
    """``value`` in per cent of ``whole``; a dash where that is 0."""
    return share(value / whole if whole else None)


def rounded(value: float) -> str:
    """A number of any size in three digits, ``12.3``."""
    return f"{value:.3g}"


def chance(p: float) -> str:
    """A p-value: ``0.031``, ``below 0.001``."""
    return "below 0.001" if p < 0.001 else number(p, 3)


def defined(value: float) -> float | None:
    """None for a NaN that means "does not apply", so that it is shown as a dash."""
    return None if math.isnan(value) else value


def in_short(config: Config) -> str:
    """What was trained, in one line: noise, network, loss and length; options by their names in conf/."""
    groups = ("noise", "encoder", "latent", "decoder", "loss")
    parts = {name: option_name(name, getattr(config, name)) for name in groups}
    strength = config.noise.described()
    noise = "no noise" if parts["noise"] == "none" else f"{parts['noise']} noise"
    noise += f" ({strength})" if strength else ""
    network = f"encoder {parts['encoder']}, latent {parts['latent']}, decoder {parts['decoder']}"
    loss, epochs = parts["loss"], config.training.epochs
    half = ", in bfloat16" * (config.training.precision == "mixed_bfloat16")
    return f"{noise}; {network}; loss {loss}; {epochs} epoch{'s' * (epochs != 1)}{half}"


def verdict(evaluation: "Evaluation") -> str:
    """Does the model work? One sentence."""
    if evaluation.collapse.fixed:
        return "It does not work: the output does not depend on the input."
    if evaluation.collapse.label == "identity":
        return "It does nothing: the output is the noisy image."
    if len(evaluation.energies) < 2:
        return "One test image decides nothing: no interval can be given."
    if evaluation.scores["noisy"]["mse"] == 0:
        return "There is no noise to take away: the numbers say how well the model copies an image."
    if evaluation.comparisons["noisy"].verdict == "loses to":
        return "It does harm: the noisy images as they are have a lower error."
    if evaluation.comparisons["noisy"].verdict == "level with":
        return "It cannot be told from leaving the noisy images as they are."
    others = [name for name in ranked(evaluation) if name != "model"]
    rivals = [name for name in others if evaluation.comparisons[name].verdict != "beats"]
    blind = [name for name in rivals if not BASELINES[name].uses_image]
    if blind:
        title = evaluation.baselines[blind[0]].title
        return f"It is not shown to be better than one and the same answer to every image: “{title}”."
    if rivals:
        best = evaluation.comparisons[rivals[0]]
        relation = "is worse than" if best.verdict == "loses to" else "cannot be told from"
        return f"It denoises, but {relation} a baseline that needs no network: “{best.title}”."
    groups = {BASELINES[name].group for name in evaluation.baselines}
    if "classical" in groups:
        return "It denoises, and better than every baseline."
    if "linear" in groups:
        return "It denoises, and better than every linear map; other filters were not tried."
    return "It denoises, and better than every trivial answer; filters were not tried."


def beaten(evaluation: "Evaluation") -> int:
    """How many baselines the model beats."""
    return len(evaluation.names("beats"))


def headline(evaluation: "Evaluation") -> str:
    """How many baselines are beaten, and how the best of them compares. One or two sentences."""
    best, model = evaluation.scores[evaluation.best]["mse"], evaluation.scores["model"]["mse"]
    count = len(evaluation.comparisons)
    text = f"The model beats {beaten(evaluation)} of {count} baselines on the same noisy images. "
    text += f"The best of them, “{evaluation.baselines[evaluation.best].title}”, has an MSE of {number(best)}"
    if best <= 0 or model <= 0:
        return f"{text}."
    if best < model:
        return f"{text}; the model’s is {_times(model / best)}."
    return f"{text}, {_times(best / model, 'the model’s')}."


def _times(ratio: float, what: str = "that") -> str:
    """``1.3 times that``; where three digits do not tell the two apart, ``hardly more than that``."""
    return f"hardly more than {what}" if rounded(ratio) == "1" else f"{rounded(ratio)} times {what}"


def ranked(evaluation: "Evaluation") -> list[str]:
    """``model`` and the baselines' names, the lowest MSE first, what is not a number last."""
    errors = {name: values["mse"] for name, values in evaluation.scores.items()}
    return sorted(errors, key=lambda name: (math.isnan(errors[name]), errors[name]))
