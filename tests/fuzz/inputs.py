"""What people type and write, right and wrong: strategies for command lines, presets and claims."""

import string

import yaml
from hypothesis import strategies as st

GROUPS = {
    "data": ["mnist_5k", "digits", "folder", "npz", "mnist"],
    "noise": ["gaussian", "chain", "masking", "none", "blur"],
    "encoder": ["conv", "mlp", "unet", "residual"],
    "latent": ["spatial", "dense", "conv1x1", "vector_quantised"],
    "decoder": ["conv_transpose", "mlp", "unet"],
    "decoder/output": ["conv", "dense"],
    "loss": ["bce", "mse", "weighted", "ssim"],
    "optimizer": ["adam", "sgd"],
    "optimizer/schedule": ["constant", "step", "warmup"],
    "training": ["default", "fast"],
    "evaluation": ["default", "scores"],
    "tracking": ["default"],
    "experiment": ["dense_latent", "conv_only", "mine"],
    "debug": ["smoke", "overfit_batch"],
}
KEYS = [
    *("name", "seed", "replay", "plan", "sync", "data.train", "data.path", "data.size", "data.labels"),
    *(
        "noise.sigma",
        "noise.clip",
        "noise.resample",
        "noise.steps",
        "noise.steps.blur.sigma",
        "noise._target_",
    ),
    *("encoder.filters", "encoder.kernel_sizes", "encoder.strides", "encoder.units", "encoder.padding"),
    *("latent.z_dim", "latent.channels", "decoder.filters", "decoder.output.layer", "decoder.output.stride"),
    *("loss.weights", "loss.terms", "loss.reduction", "loss._target_", "optimizer.learning_rate"),
    *("optimizer.schedule.drops", "optimizer.schedule.decay", "training.epochs", "training.batch_size"),
    *("training.precision", "training.early_stopping.patience", "training.early_stopping", "training"),
    *("evaluation.levels", "evaluation.corruptions", "evaluation.limit", "evaluation.cache", "evaluation"),
    *("tracking.experiment", "tracking.grids", "tracking.patience", "tracking.uri", "tracking.reuse"),
    *(
        "sweep.metric",
        "sweep.max_failures",
        "sweep.direction",
        "claim",
        "claim.seeds",
        "hydra.launcher.workers",
    ),
    *("hydra.mode", "hydra.verbose", "hydra.callbacks", "hydra.searchpath", "hydra.sweeper", "hydra.run.dir"),
]
PROGRAM = {"_target_": "shutil.copyfile", "src": "victim", "dst": "../copied"}
"""What must never be done, wherever it stands."""

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
names = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
numbers = st.one_of(
    st.integers(-5, 70),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.sampled_from([10**6, 10**12, 2**63, 10**30, 1e308, -1, 0, 0.5]),
)
interpolations = st.sampled_from(
    [
        *("${name}", "${seed}", "${nothing}", "${training}", "${oc.env:HOME}", "${oc.env:NOT_THERE}", "${"),
        *("${oc.decode:'${oc.env:HOME}'}", "${now:%Y}", "${hydra:runtime.cwd}", "${.name}", "${...x}", "${}"),
        *("${oc.select:a}", "${dae_lab.store:}", "${dae_lab.store:3}", "${oc.${name}:HOME}", "${name.x}"),
        *("\\${name}", "${a b}"),
    ]
)
scalars = st.one_of(
    numbers.map(str),
    st.sampled_from(
        ["true", "false", "null", "???", "", "[]", "{}", "bce", "val/loss", "a b", "~", "'", '"', "\\"]
    ),
    interpolations,
    names,
    words,
)
lists = st.lists(scalars, max_size=4).map(lambda items: f"[{','.join(items)}]")
mappings = st.dictionaries(names, scalars, max_size=3).map(
    lambda items: "{" + ",".join(f"{key}: {value}" for key, value in items.items()) + "}"
)
sweeps = st.one_of(
    st.lists(scalars, min_size=2, max_size=3).map(",".join),
    st.tuples(numbers, numbers, numbers).map(lambda ends: "range({},{},{})".format(*ends)),
    st.builds(
        "{}({})".format, st.sampled_from(["glob", "choice", "interval", "shuffle", "sort", "tag"]), scalars
    ),
    st.builds(
        "{}({})".format, st.sampled_from(["int", "float", "str", "json_str", "extend_list", "f"]), scalars
    ),
)
long = st.builds(lambda what, times: what * times, st.sampled_from("[{(9a,'$:"), st.integers(200, 3000))
values = st.one_of(scalars, scalars, lists, mappings, sweeps, long)
prefixes = st.sampled_from(["", "", "", "", "+", "++", "~", " "])

choices = st.sampled_from(sorted(GROUPS)).flatmap(
    lambda group: st.builds(
        "{}{}{}={}".format,
        prefixes,
        st.just(group),
        st.one_of(st.just(""), st.just(""), st.builds("@{}".format, st.sampled_from(KEYS))),
        st.one_of(st.sampled_from(GROUPS[group]), st.sampled_from(GROUPS[group]), values),
    )
)
settings_of_keys = st.builds("{}{}={}".format, prefixes, st.sampled_from(KEYS), values)
misspelt = st.builds("{}.{}={}".format, st.sampled_from(sorted(GROUPS)), names, values)
flags = st.sampled_from(
    ["-m", "--cfg=job", "--resolve", "--info=defaults", "--nope", "--", "-h", "--package=a"]
)
overrides = st.one_of(choices, choices, settings_of_keys, settings_of_keys, settings_of_keys, misspelt, words)
command_lines = st.lists(st.one_of(*[overrides] * 8, flags), max_size=5)

trees = st.recursive(
    st.one_of(numbers, words, names, interpolations, st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
defaults_lists = st.lists(
    st.one_of(
        st.sampled_from(
            ["_self_", "mine", "/noise/blur@hydra.callbacks.x", "default", "/hydra/launcher/slurm"]
        ),
        st.dictionaries(
            st.sampled_from(
                ["override /noise", "override /hydra/launcher", "/loss@hydra.x", "optional a", "x"]
            ),
            st.one_of(
                st.sampled_from(["gaussian", "slurm", "mse", "mine"]), st.none(), numbers, interpolations
            ),
            max_size=2,
        ),
        trees,
    ),
    max_size=3,
)
headers = st.sampled_from(
    ["# @package _global_\n", "# @package _global_\n", "", "# @package hydra\n", "# @package a.b\n"]
)
presets = st.dictionaries(
    st.one_of(st.sampled_from(sorted({key.partition(".")[0] for key in KEYS} | {"hydra"})), names),
    st.one_of(
        trees,
        st.dictionaries(st.sampled_from(sorted({key.rpartition(".")[2] for key in KEYS})), trees, max_size=3),
        st.just({"callbacks": {"x": PROGRAM}}),
        st.just(PROGRAM),
    ),
    max_size=4,
)
LOGGED = {"()": PROGRAM["_target_"], "src": "victim", "dst": "../copied"}
programs = st.sampled_from(
    [
        f"# @package _global_\nhydra: {{callbacks: {{x: {PROGRAM}}}}}",
        f"# @package _global_\nhydra: {{job_logging: {{handlers: {{x: {LOGGED}}}}}}}",
        f"# @package _global_\nhydra: {{launcher: {PROGRAM}}}",
        f"# @package hydra\ncallbacks: {{x: {PROGRAM}}}",
        f"# @package hydra.callbacks.x\n{PROGRAM}",
        f"# @package _global_\nloss: {PROGRAM}",
        f"# @package _global_\nsweep: {{direction: {PROGRAM}}}",
        "# @package _global_\ndefaults: [override /hydra/launcher: slurm]",
        "# @package _global_\ndefaults: [/noise/blur@hydra.callbacks.x]",
    ]
).map(str.encode)
preset_files = st.one_of(
    st.builds(
        lambda header, content, defaults: (
            header + yaml.safe_dump({**content, **defaults}, allow_unicode=True)
        ),
        headers,
        presets,
        st.one_of(
            st.just({}), st.just({}), st.builds(lambda items: {"defaults": items}, defaults_lists | trees)
        ),
    ).map(str.encode),
    st.builds(lambda header, tree: (header + yaml.safe_dump(tree)).encode(), headers, trees),
    st.binary(max_size=60),
    st.builds(lambda header, text: (header + text).encode(), headers, words | long),
)

CLAIM = {
    "defaults": [{"rule@_here_": "default"}, "_self_"],
    "id": "X1",
    "statement": "A network without training is worse",
    "source": "nobody",
    "base": ["evaluation=scores", "data=digits"],
    "arms": {"short": ["training.epochs=1"], "long": []},
    "guards": {"not_collapsed": []},
    "definition": {"outcome": {"metric": "val/mse"}, "effect": "short - long", "margin": 0.01},
    "alternatives": {},
    "causes": {},
    "seeds": {"minimum": 2, "maximum": 4, "batch": 2},
    "error": 0.05,
    "notebook": "notebook",
}
effects = st.lists(
    st.sampled_from(
        ["short", "long", "abs(", "trend(", "max(", ")", ",", "+", "-", "*", "/", "1", "0", "lambda", "."]
    ),
    max_size=7,
).map(" ".join)
of_arms = st.lists(overrides, max_size=2)
changes_of_claims = st.fixed_dictionaries(
    {},
    optional={
        "id": trees,
        "statement": trees,
        "base": of_arms | trees,
        "arms": st.dictionaries(st.sampled_from(["short", "long", "a b", "x"]), of_arms | trees, max_size=3)
        | trees,
        "causes": st.dictionaries(names, of_arms, max_size=2) | trees,
        "definition": st.fixed_dictionaries(
            {
                "outcome": st.dictionaries(
                    st.sampled_from(["kind", "metric", "at", "share", "x"]), trees, max_size=2
                )
            },
            optional={"effect": effects | trees, "margin": numbers | trees, "rule": trees},
        )
        | trees,
        "alternatives": st.dictionaries(names, presets | trees, max_size=2) | trees,
        "seeds": st.dictionaries(st.sampled_from(["minimum", "maximum", "batch"]), numbers, max_size=3)
        | trees,
        "guards": st.dictionaries(st.sampled_from(["improved", "reached", "not_collapsed"]), trees) | trees,
        "error": numbers | trees,
        "notebook": st.sampled_from(["../elsewhere", "/elsewhere", "~/x", "a/b"]) | trees,
        "defaults": defaults_lists | trees,
        "hydra": st.just({"callbacks": {"x": PROGRAM}}),
    },
)
claim_files = st.one_of(
    *[
        changes_of_claims.map(
            lambda changes: yaml.safe_dump({**CLAIM, **changes}, allow_unicode=True).encode()
        )
    ]
    * 4,
    preset_files,
)
