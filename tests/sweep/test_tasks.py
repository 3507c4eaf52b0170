"""A task is what the test pairs follow from, and nothing else; it is named by the keys that differ."""

from dataclasses import asdict, replace

import pytest
from processes import run
from sweeps import job

from dae_lab.sweep.tasks import identity_text, task_identity, task_names

MNIST = ("data=mnist", "data.validation=[55000,60000]", "data.train=[0,55000]")


def task(config, metric="test/mse") -> str:
    return identity_text(task_identity(asdict(config), metric))


@pytest.mark.parametrize(
    "change",
    [
        ("noise.sigma=0.3",),
        ("noise.clip=false",),
        ("noise=uniform",),
        ("noise=chain",),
        ("data.test=[60000,60500]",),
        ("data=fashion_mnist", *MNIST[1:]),
        ("evaluation.limit=100",),
    ],
)
def test_other_test_images_and_other_noise_are_another_task(compose, change):
    assert task(compose(*MNIST, *change)) != task(compose(*MNIST))


@pytest.mark.parametrize(
    "change",
    [
        "seed=3",
        "noise.resample=once",
        "data.train=[0,1000]",
        "data.validation=[]",
        "data.cache=elsewhere",
        "data.download=false",
        "loss=mse",
        "latent=dense",
        "optimizer.learning_rate=0.01",
        "training.epochs=3",
        "evaluation.images=10",
        "evaluation.baselines=trivial",
        "evaluation.batch_size=10",
        "tracking.grids=1",
    ],
)
def test_what_is_trained_and_how_is_no_other_task(compose, change):
    assert task(compose(*MNIST, change)) == task(compose(*MNIST))


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        ("val/mse", "data.validation=[50000,51000]"),
        ("convergence/area", "data.validation=[50000,51000]"),
        ("test/baselines_beaten", "evaluation.baselines=trivial"),
        ("corruption_mse/blur", "evaluation.corruptions.blur.sigma=3"),
        ("code/silhouette", "evaluation.images=10"),
    ],
)
def test_what_a_metric_is_taken_of_counts_for_that_metric(compose, metric, change):
    plain = ("data=mnist", "data.train=[0,50000]", "data.validation=[55000,60000]")
    one, other = compose(*plain), compose(*plain, change)
    assert task(one) == task(other)
    assert task(one, metric) != task(other, metric)


def test_a_task_is_named_by_what_differs(compose):
    def names(*changes):
        jobs = [
            replace(job(number, "a", 0), config=asdict(compose(*MNIST, *change)))
            for number, change in enumerate(changes)
        ]
        return list(task_names(jobs, "test/mse").values())

    assert names(("loss=mse",), ("loss=bce",)) == ["", ""]
    assert names(("noise.sigma=0.1",), ("noise.sigma=0.3",), ("noise.sigma=0.1",)) == [
        "noise.sigma=0.1",
        "noise.sigma=0.3",
        "noise.sigma=0.1",
    ]
    assert names((), ("noise=uniform", "noise.width=0.25")) == [
        "noise=gaussian noise.sigma=0.5",
        "noise=uniform noise.width=0.25",
    ]
    assert names((), ("noise.clip=false", "evaluation.limit=7")) == [
        "noise.clip=true evaluation.limit=null",
        "noise.clip=false evaluation.limit=7",
    ]
    first, second = names((), ("data.test=[60000,60100]",))
    assert (first, second) == ("data.test=[60000, 70000]", "data.test=[60000, 60100]")


@pytest.mark.long
def test_a_sweep_over_noise_names_no_winner_over_its_strengths(tmp_path):
    tiny = ("data=digits", "training.epochs=1", "training.batches=2", "evaluation=scores")
    light = ("tracking.log_model=false", "evaluation.report=false")
    code, output, errors = run("-m", *tiny, *light, "noise.sigma=0.1,0.5", "loss=bce,mse", store=tmp_path)
    assert code == 0, errors
    said = " ".join(output.split())
    assert "These runs have 2 tasks: noise.sigma=0.1; noise.sigma=0.5. Other test images" in said
    assert "Lowest test/mse of each task: noise.sigma=0.1: " in said
    assert "Lowest test/mse: " not in said
