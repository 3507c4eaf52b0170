"""Losses against their formulas, their reductions, and their gradients."""

from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy.special import expit, huber, log_expit
from skimage.metrics import structural_similarity

from dae_lab import losses
from dae_lab.errors import ConfigError
from dae_lab.parts.part import shipped_targets
from dae_lab.parts.schema import parse_schema
from dae_lab.paths import conf_folder

SHAPE = (3, 12, 10, 2)
RNG = np.random.default_rng(0)
CLEAN = RNG.random(SHAPE, dtype=np.float32)
LOGITS = RNG.normal(0, 2, SHAPE).astype(np.float32)
PIXELS = SHAPE[1] * SHAPE[2] * SHAPE[3]


@cache
def configured(*overrides: str):
    """A loss as conf/loss describes it."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        plain = OmegaConf.to_container(compose(overrides=list(overrides)).loss, resolve=True)
    return parse_schema(plain, losses.Loss, "loss")


def sigmoid(logits) -> losses.Output:
    return losses.Output(tf.convert_to_tensor(logits), tf.sigmoid(logits), "sigmoid")


def linear(image) -> losses.Output:
    return losses.Output(tf.convert_to_tensor(image), tf.convert_to_tensor(image), "linear")


def gradient(loss, clean, image) -> np.ndarray:
    """Of the loss by the pixels of a linear output."""
    image = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = loss(clean, losses.Output(image, image, "linear"))
    return tape.gradient(value, image).numpy()


X, Z, P = (values.astype(np.float64) for values in (CLEAN, LOGITS, expit(LOGITS.astype(np.float64))))
FORMULAS = {
    "bce": -X * log_expit(Z) - (1 - X) * log_expit(-Z),
    "mse": (P - X) ** 2,
    "mae": np.abs(P - X),
    "huber": huber(0.1, P - X),
    "charbonnier": np.hypot(P - X, 1e-3),
}


@pytest.mark.parametrize("option", FORMULAS)
def test_elementwise_follows_the_formula(option):
    values = configured(f"+loss={option}").elementwise(CLEAN, sigmoid(LOGITS))
    assert values.dtype == tf.float32
    assert values.shape == SHAPE
    np.testing.assert_allclose(values, FORMULAS[option], rtol=0, atol=2e-6)


@pytest.mark.parametrize("option", FORMULAS)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_reductions_differ_by_the_number_of_pixels(option, reduction):
    loss = configured(f"+loss={option}", f"loss.reduction={reduction}")(CLEAN, sigmoid(LOGITS))
    expected = FORMULAS[option].mean() * (PIXELS if reduction == "sum" else 1)
    assert loss.shape == ()
    assert loss.dtype == tf.float32
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("window", [3, 7, 99])
def test_ssim_is_one_minus_scikit_images(window):
    loss = configured("+loss=ssim", f"loss.window={window}")
    side = min(window, 9)  # the largest odd window in 12 x 10
    options = {"win_size": side, "data_range": 1, "channel_axis": -1}
    expected = [1 - structural_similarity(x, p, **options) for x, p in zip(X, P, strict=True)]
    np.testing.assert_allclose(loss.per_image(CLEAN, sigmoid(LOGITS)), expected, atol=1e-5)
    assert loss.elementwise(CLEAN, sigmoid(LOGITS)).shape == (3, 13 - side, 11 - side, 2)


def test_bce_is_stable_from_logits():
    clean = np.float32([0, 1, 0, 1, 0.3]).reshape(1, 1, 5, 1)
    logits = np.float32([100, -100, -100, 100, 100]).reshape(1, 1, 5, 1)
    values = configured("+loss=bce").elementwise(clean, sigmoid(logits))
    np.testing.assert_allclose(np.ravel(values), [100, 100, 0, 0, 70], rtol=1e-6)


def test_bce_of_logits_and_of_probabilities_agree():
    loss, image = configured("+loss=bce"), tf.sigmoid(LOGITS)
    np.testing.assert_allclose(
        loss.elementwise(CLEAN, sigmoid(LOGITS)), loss.elementwise(CLEAN, linear(image)), atol=1e-5
    )


def test_bce_of_a_linear_output_is_cut_where_probability_ends():
    """At most -ln 1e-7, at least 0: what is beyond white is white, and no loss falls below its minimum."""
    clean, beyond = np.float32([[1, 0, 1, 0]]), np.float32([[-5, 9, 2, -1]])
    loss = configured("+loss=bce")
    worst = -np.log(1e-7)
    np.testing.assert_allclose(loss.elementwise(clean, linear(beyond))[0], [worst, worst, 0, 0], atol=1e-5)
    np.testing.assert_array_equal(gradient(loss, clean, beyond), np.zeros((1, 4)))


def test_weighted_adds_its_terms():
    both = configured("+loss=weighted")
    parts = [configured(f"+loss={name}")(CLEAN, sigmoid(LOGITS)) for name in ("bce", "ssim")]
    np.testing.assert_allclose(both(CLEAN, sigmoid(LOGITS)), parts[0] + 0.1 * parts[1], rtol=1e-6)
    assert both.elementwise(CLEAN, sigmoid(LOGITS)).shape == (3, 1)


def test_weighted_is_composed_by_name():
    loss = configured(
        "+loss=weighted",
        "+loss@loss.terms.huber=huber",
        "+loss.weights.huber=2",
        "loss.terms.huber.delta=0.3",
        "loss.terms.huber.reduction=sum",
        "loss.reduction=sum",
    )
    assert list(loss.terms) == ["bce", "ssim", "huber"]
    assert loss.weights["huber"] == 2.0
    assert loss.terms["huber"].delta == 0.3
    assert {term.reduction for term in loss.terms.values()} == {"sum"}


SIGNED = P - X
GRADIENTS = {
    "bce": (P - X) / (P * (1 - P)),
    "mse": 2 * SIGNED,
    "mae": np.sign(SIGNED),
    "huber": np.clip(SIGNED, -0.1, 0.1),
    "charbonnier": SIGNED / np.hypot(SIGNED, 1e-3),
}


@pytest.mark.parametrize("option", GRADIENTS)
def test_gradient_follows_the_formula(option):
    found = gradient(configured(f"+loss={option}", "loss.reduction=sum"), CLEAN, P.astype(np.float32))
    np.testing.assert_allclose(3 * found, GRADIENTS[option], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("option", ["ssim", "weighted"])
def test_gradient_follows_finite_differences(option):
    loss, image, step = configured(f"+loss={option}"), np.float32(0.1 + 0.8 * P), 1e-2
    direction = np.sign(gradient(loss, CLEAN, image))  # steepest, so that float32 can see the difference
    ahead, behind = (loss(CLEAN, linear(image + sign * step * direction)) for sign in (1, -1))
    slope = np.sum(gradient(loss, CLEAN, image) * direction)
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=5e-2)


@pytest.mark.parametrize("option", shipped_targets("loss").values())
@pytest.mark.parametrize(("clean", "image"), [(0, 0), (1, 1), (0, 1), (1, 0), (0.5, 0.5), (1, -3), (0, 7)])
def test_values_and_gradients_are_finite_everywhere(option, clean, image):
    loss = configured(f"+loss={option}")
    clean, image = np.full((2, 8, 8, 1), clean, np.float32), np.full((2, 8, 8, 1), image, np.float32)
    assert np.isfinite(loss(clean, linear(image)))
    assert np.all(np.isfinite(gradient(loss, clean, image)))


@pytest.mark.parametrize("option", shipped_targets("loss").values())
def test_half_precision_is_computed_in_float32(option):
    loss = configured(f"+loss={option}")
    half = losses.Output(*(tf.cast(part, tf.bfloat16) for part in sigmoid(LOGITS)[:2]), "sigmoid")
    rounded = losses.Output(tf.cast(half.logits, tf.float32), tf.cast(half.image, tf.float32), "sigmoid")
    clean = tf.cast(CLEAN, tf.bfloat16)
    assert loss(clean, half).dtype == tf.float32
    np.testing.assert_array_equal(loss(clean, half), loss(tf.cast(clean, tf.float32), rounded))


def test_a_loss_runs_in_a_graph_of_unknown_batch_size():
    image = tf.TensorSpec((None, *SHAPE[1:]), tf.float32)
    for option in shipped_targets("loss").values():
        loss = configured(f"+loss={option}")
        compiled = tf.function(lambda x, z, loss=loss: loss(x, sigmoid(z)), input_signature=[image, image])
        np.testing.assert_allclose(compiled(CLEAN, LOGITS), loss(CLEAN, sigmoid(LOGITS)), rtol=1e-5)


MEAN = {"reduction": "mean"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.Mse(reduction="max"), "reduction must be one of mean, sum"),
        (lambda: losses.Huber(delta=0.0, **MEAN), "delta must be greater than 0"),
        (lambda: losses.Charbonnier(epsilon=0.0, **MEAN), "epsilon must be at least 1e-06"),
        (lambda: losses.Ssim(window=8, **MEAN), "window must be odd"),
        (lambda: losses.Weighted(terms={}, weights={}, **MEAN), "at least one"),
        (
            lambda: losses.Weighted(terms={"mse": losses.Mse(**MEAN)}, weights={"mae": 1.0}, **MEAN),
            "got weights for mae and terms mse",
        ),
        (
            lambda: losses.Weighted(terms={"mse": losses.Mse(**MEAN)}, weights={"mse": -1.0}, **MEAN),
            "weights.mse must be at least 0",
        ),
        (
            lambda: losses.Weighted(terms={"mse": losses.Mse(**MEAN)}, weights={"mse": 1.0}, reduction="sum"),
            "terms.mse.reduction must be the whole loss's, sum",
        ),
    ],
)
def test_values_without_a_meaning_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
