"""What ``--help`` says. Written here because Hydra takes seconds to list groups nobody asked it for."""

from dae_lab.commands import format_activation
from dae_lab.config.registration import store_folder
from dae_lab.paths import conf_folder

GROUPS = {
    "data": "images",
    "noise": "corruption",
    "encoder": "image → features",
    "latent": "the code",
    "decoder": "code → image",
    "decoder/output": "its last layer, set by decoder/output=…",
    "loss": "what is minimised",
    "optimizer": "how",
    "optimizer/schedule": "of the learning rate",
    "training": "epochs, batches, precision",
    "evaluation": "how the model is judged",
    "tracking": "where runs are recorded",
    "sweep": "how several runs are summed up, when they are given up",
    "hydra/launcher": "where several runs are done",
    "hydra/sweeper": "all combinations, or a search",
    "experiment": "whole published systems",
    "claim": "statements that runs decide",
    "claim/rule": "what they start from",
    "debug": "quick checks",
}

TEXT = """\
dae_lab trains a denoising autoencoder, judges it beside baselines, and records it in MLflow.

Usage: python -m dae_lab.run [group=option] [group.key=value] ...      (dae-lab, where installed)
{activation}
What a run is made of (group=option; every key is explained in {conf}):
{groups}

Examples:
  python -m dae_lab.run                                        the default, about a minute
  python -m dae_lab.run noise.sigma=0.3 loss=mse seed=1        other keys and options
  python -m dae_lab.run experiment=dense_latent debug=smoke    does this system run at all?
  python -m dae_lab.run loss=bce,mse seed=0,1,2                a sweep: all combinations
  python -m dae_lab.run loss=bce,mse seed=0,1,2 plan=true      what would be trained, how long would it take?
  python -m dae_lab.run claim=mse_stalls                       train what is missing, then judge
  python -m dae_lab.run experiment=spatial_latent --cfg job    show the config, train nothing
  python -m dae_lab.run --info defaults                        where each part of it comes from

Results: every run is recorded in MLflow, in {store}
(tracking.dir=… for another folder, tracking.uri=http://… for an MLflow server), and ends by printing its
scores, the path of its report page and the command that opens the UI. A run that was cut goes on when
its command is given again; one that has finished is not trained again.

Shell completion, of the command dae-lab: eval "$(dae-lab -sc install=bash)"
All of Hydra's flags: python -m dae_lab.run --hydra-help
"""


def help_text() -> str:
    """The whole page, with the options that are there."""
    lines = []
    for group, meaning in GROUPS.items():
        options = sorted(file.stem for file in (conf_folder() / group).glob("*.yaml"))
        lines += [f"  {group:<19} {meaning}", f"  {'':<21}{_wrapped(options)}"]
    activation = format_activation()
    return TEXT.format(
        groups="\n".join(lines),
        conf=conf_folder(),
        store=store_folder(),
        activation=f"First, in this shell: {activation}\n" if activation else "",
    )


def _wrapped(options: list[str], width: int = 84) -> str:
    rows = [""]
    for option in options:
        if len(rows[-1]) + len(option) > width:
            rows.append("")
        rows[-1] += (" | " if rows[-1] else "") + option
    return f" |\n{'':23}".join(rows)
