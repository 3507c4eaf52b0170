"""A sweep decides training.precision=auto once, where its runs are trained."""

import pytest
from engines import TINY
from processes import assert_refused, run, runs

from dae_lab.errors import ConfigError
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.precision import PrecisionDecision
from dae_lab.tracking.checksums import dump_with_checksum, load_with_checksum
from dae_lab.training.precision import Measurement

CLAIM = """
defaults: [rule@_here_: default, _self_]
id: W1
statement: fast is as good
source: a guess
base: [data=digits, training.epochs=1]
arms: {plain: [], fast: [training=fast]}
definition: {effect: plain - fast, margin: 0.001}
"""

FASTER_IN_BFLOAT16 = Measurement(2.0, 1.0, 2.0, 1.0, "a processor")


def composed(config) -> Composed:
    return Composed([], "none", None, config)


def test_the_first_batch_decides_for_all(compose):
    asked = []

    def measure(networks):
        asked.append(networks)
        return FASTER_IN_BFLOAT16

    decision = PrecisionDecision(measure)
    named = compose("training.precision=float32")
    (first,) = decision.settle([composed(named)])
    assert (first.checked, first.measurement, asked) == (named, None, [])  # who names it, is not measured

    small, wide = (
        compose("training=fast", "encoder.filters=[4]", "encoder.strides=[4]"),
        compose("training=fast"),
    )
    batch = decision.settle([composed(item) for item in (small, named, wide)])
    assert [len(networks) for networks in asked] == [2]
    assert asked[0] == [(small, (28, 28, 1)), (wide, (28, 28, 1))]
    precisions = ["mixed_bfloat16", "float32", "mixed_bfloat16"]
    assert [item.checked.training.precision for item in batch] == precisions
    assert [item.measurement for item in batch] == [FASTER_IN_BFLOAT16, None, FASTER_IN_BFLOAT16]

    (later,) = decision.settle([composed(compose("training=fast", "latent=dense"))])
    assert later.checked.training.precision == "mixed_bfloat16"
    assert len(asked) == 1


def test_shapes_are_checked_before_anything_is_measured(compose):
    decision = PrecisionDecision(lambda networks: pytest.fail("it was measured"))
    config = compose("training=fast", "data=npz", "data.path=/nowhere")
    with pytest.raises(Exception, match="nowhere"):
        decision.settle([composed(config)])
    with pytest.raises(ConfigError):
        decision.settle(
            [Composed(["training=fast"], "none", compose_raw("training=fast", "encoder.strides=[3]"))]
        )


def compose_raw(*overrides):
    from hydra import compose, initialize_config_dir

    from dae_lab.paths import conf_folder

    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose("config", overrides=list(overrides))


@pytest.mark.long
def test_two_workers_train_in_one_precision_and_record_what_decided(tmp_path):
    fast = (*TINY, "training=fast", "training.epochs=1", "seed=0,1", "hydra.launcher.workers=2")
    code, _, errors = run(*fast, f"evaluation.cache={tmp_path}/cache", store=tmp_path)
    assert code == 0, errors
    assert errors.count("training.precision=auto: ") == 1
    records = [item.data for item in runs(tmp_path)]
    assert len({item.params["training.precision"] for item in records}) == 1
    (said,) = {item.tags["precision"] for item in records}
    assert said.startswith(records[0].params["training.precision"])
    assert f", {records[0].params['machine/threads']} thread" in said

    code, _, errors = run(*fast, f"evaluation.cache={tmp_path}/cache", store=tmp_path)
    assert (code, "2 finished before, 0 to train" in errors) == (0, True)


@pytest.mark.parametrize(
    ("launcher", "package"), [("slurm", "submitit"), ("ray", "ray")], ids=["slurm", "ray"]
)
@pytest.mark.long
def test_the_machines_of_a_cluster_measure(tmp_path, launcher, package):
    pytest.importorskip(package)
    where = {"slurm": ["hydra.launcher.cluster=debug", "hydra.launcher.cpus_per_task=1"], "ray": []}[launcher]
    fast = (*TINY, "training=fast", "seed=0", f"hydra/launcher={launcher}", *where, "plan=true")
    code, output, errors = run(*fast, f"evaluation.cache={tmp_path}/cache", store=tmp_path)
    assert code == 0, errors
    assert "training.precision=auto: " in errors
    assert ", 1 thread, " in errors
    assert "1 run: 0 finished before, 1 to train" in output
    assert len(list((tmp_path / "cache" / "precision").glob("*.json"))) == 1


@pytest.mark.long
def test_arms_of_a_claim_that_a_measurement_makes_equal_are_refused(tmp_path):
    (tmp_path / "own" / "claim").mkdir(parents=True)
    (tmp_path / "own" / "claim" / "fast_is_as_good.yaml").write_text(CLAIM)
    where = (f"--config-dir={tmp_path}/own", f"evaluation.cache={tmp_path}/cache", "plan=true")
    run("claim=fast_is_as_good", *where, store=tmp_path)
    (measured,) = (tmp_path / "cache" / "precision").glob("*.json")
    content = load_with_checksum(measured)
    content["measurement"] |= {"float32_ms": 1.0, "bfloat16_ms": 2.0}
    measured.write_text(dump_with_checksum(content))
    code, _, errors = run("claim=fast_is_as_good", *where, store=tmp_path)
    assert_refused(code, errors, "plain and fast differ in nothing that is trained")
