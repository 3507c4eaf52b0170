"""The page says what was found, all of it, escaped, and nothing that was not."""

import inspect
import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from evaluations import example, made, unlabelled
from PIL import Image
from scipy import stats

from dae_lab import collapse, metrics
from dae_lab.evaluation.convergence import plateaus
from dae_lab.evaluation.scores import Interval
from dae_lab.report import text as report_text
from dae_lab.report.page import SECTIONS, embedded, page

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Parsed(HTMLParser):
    """A page taken apart: its elements, its text, and whether every element is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.elements if name == tag]


def shown(found, pictures=None, **given) -> str:
    given = {"title": "a run", "config_yaml": "seed: 0\n", "facts": {"seed": "0"}} | given
    return page(evaluation=found, pictures=pictures or {}, **given)


def named(count: int = 24, *names: str):
    """An evaluation whose classes have names."""
    found = made(count)
    return replace(found, test=(found.test[0], replace(found.test[1], class_names=names)))


def text(found, **given) -> str:
    return Parsed(shown(found, **given)).text


@pytest.fixture(scope="module")
def whole() -> str:
    return shown(*example())


def test_the_page_is_whole_and_needs_nothing_but_itself(whole):
    parsed = Parsed(whole)
    assert whole.lstrip().startswith("<!DOCTYPE html>")
    assert parsed.open == []
    assert parsed.all("html") == [{"lang": "en"}]
    assert not parsed.all("script")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert {"http-equiv": "Content-Security-Policy", "content": policy} in parsed.all("meta")
    addresses = [attrs[key] for _, attrs in parsed.elements for key in ("src", "href") if key in attrs]
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert not re.search(r"https?:|@import|url\(", whole)
    assert not any(key.startswith("on") for _, attrs in parsed.elements for key in attrs)
    assert len(whole) < 3e6


def test_every_picture_is_there_with_a_text_for_those_who_do_not_see_it(whole):
    pictures = example()[1]
    images = Parsed(whole).all("img")
    assert len(images) == len(pictures)
    assert len({image["src"] for image in images}) == len(pictures)
    assert all(len(image["alt"]) > 20 for image in images)
    assert [(int(image["width"]), int(image["height"])) for image in images] == [
        picture.size for picture in pictures.values()
    ]


def test_a_picture_keeps_its_pixels_unless_it_is_too_wide():
    picture = example()[1]["reconstructions"]
    carried = embedded(picture)
    kept = Image.open(BytesIO(b64decode(carried.uri.removeprefix("data:image/png;base64,"))))
    assert np.array_equal(kept, picture)
    assert embedded(Image.new("RGB", (17200, 400)))[1:] == (1720, 40)


def test_headings_descend_step_by_step_and_the_contents_lead_to_sections(whole):
    parsed = Parsed(whole)
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(set(names)) == len(names)
    assert [attrs["id"] for attrs in parsed.all("section")] == list(SECTIONS)
    links = {attrs["href"].removeprefix("#") for attrs in parsed.all("a")}
    assert set(SECTIONS) <= links <= set(names)


def test_equal_arguments_give_equal_bytes(whole):
    assert shown(*example()) == whole


def test_what_comes_from_outside_is_escaped():
    evil = "<script>alert(1)</script> & \"quoted\" 'twice' {{ 7 * 7 }} </style>"
    found = made()
    marked = {name: replace(item, title=evil, note=evil) for name, item in found.baselines.items()}
    other = replace(found.robustness, corruptions={evil: found.robustness.levels[1.0]})
    found = replace(found, baselines=marked, robustness=other)
    pictures = {"reconstructions": Image.new("RGB", (3, 2))}
    parsed = Parsed(shown(found, pictures, title=evil, config_yaml=evil, facts={evil: evil}))
    assert parsed.open == []
    assert not parsed.all("script")
    assert parsed.text.count("<script>alert(1)</script> & \"quoted\" 'twice' {{ 7 * 7 }} </style>") > 20


def test_the_first_screen_gives_the_numbers_with_intervals_and_the_best_baseline():
    found = made()
    first = text(found).split(" Reconstructions ", 1)[0]
    for kind, decimals in (("mse", 4), ("psnr", 2), ("ssim", 4)):
        values = found.model[kind].astype(np.float64)
        low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
        assert f"{values.mean():.{decimals}f}" in first
        assert f"[{low:.{decimals}f}, {high:.{decimals}f}]" in first
    best = min(float(item.test["mse"].mean()) for item in found.baselines.values())
    assert "4 of 4" in first
    assert f"“median filter”, has an MSE of {best:.4f}, {best / found.model['mse'].mean():.3g} times" in first
    assert "of other seeds" in first


def test_every_score_and_every_comparison_is_in_a_table():
    found = made()
    said = text(found)
    for name, values in found.scores.items():
        assert all(report_text.number(values[kind]) in said for kind in ("mse", "mae", "ssim", "bce"))
        if name != "model":
            assert f"{report_text.bounds(found.comparisons[name].difference)} beats it how" in said
    for score in found.classes.values():
        assert f"{score.nmse.mean:.4f} {report_text.bounds(score.nmse)}" in said
    for view in found.geometry.views.values():
        for item in view.correlations.values():
            assert f"{item.rho:.3f}" in said


NO_NETWORK = "a baseline that needs no network: “median filter”."
ANSWERS = {
    "It denoises, and better than every baseline.": made(),
    "It does not work: the output does not depend on the input.": made(error=np.inf),
    "One test image decides nothing: no interval can be given.": made(1),
    "There is no noise to take away: the numbers say how well the model copies an image.": made(sigma=0),
    "It does harm: the noisy images as they are have a lower error.": made(error=0.3),
    "It cannot be told from leaving the noisy images as they are.": made(error=0.2),
    f"It denoises, but is worse than {NO_NETWORK}": made(error=0.16),
    f"It denoises, but cannot be told from {NO_NETWORK}": made(error=0.14),
    "It is not shown to be better than one and the same answer to every image: “mean training image”.": made(
        error=0.5, sigma=0.8
    ),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_does_it_work(answer):
    assert answer in text(ANSWERS[answer])


@pytest.mark.parametrize(
    ("kept", "answer"),
    [
        (["noisy", "black"], "better than every trivial answer; filters were not tried."),
        (["noisy", "linear_3x3"], "better than every linear map; other filters were not tried."),
        (
            ["noisy", "linear_3x3", "median"],
            "better than every baseline.",
        ),  # as of images too large for ridge
    ],
)
def test_what_was_not_tried_is_not_beaten(kept, answer):
    found = made()
    known = {**found.baselines, "linear_3x3": found.baselines["median"]}
    some = replace(found, baselines={name: known[name] for name in kept})
    assert f"It denoises, and {answer}" in text(some)


@pytest.mark.parametrize("label", [*collapse.FIXED, "identity"])
def test_a_collapse_is_said_first_with_what_to_try(label):
    found = made()
    found = replace(found, collapse=replace(found.collapse, label=label))
    parsed = Parsed(shown(found))
    first = parsed.text.split(" Reconstructions ", 1)[0]
    assert found.collapse.sentence() in first
    assert report_text.ADVICE[label] in first
    assert {"class": "alarm"} in parsed.all("p")
    assert {"href": "#collapse"} in parsed.all("a")


def test_a_healthy_model_raises_no_alarm(whole):
    assert {"class": "alarm"} not in Parsed(whole).all("p")
    assert "None was found" in Parsed(whole).text


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (unlabelled(), "the test images have no labels, so there are no classes"),
        (unlabelled(), "hulls, silhouettes and accuracies: the test images have no labels"),
        (made(convergence=None), "there are no validation images"),
        (made(robustness=None), "no other noise was tried (evaluation.images=0)"),
        (made(geometry=None), "the code was not looked at (evaluation.images=0)"),
        (made(decoded=None), "a code alone makes no image"),
        (made(), "the first layer is no convolution"),
        (made(3), "3 test images are too few to judge a model by"),
        (made(1), "no interval"),
        (made(2, labels=np.array([0, 1])), "fewer than 3 classes have both"),
    ],
)
def test_what_is_missing_is_said(found, why):
    assert why in text(found)


def test_other_noise_that_was_not_tried_is_said():
    found = made()
    said = text(replace(found, robustness=replace(found.robustness, levels={}, corruptions={})))
    assert "the noise has none, or evaluation.levels is empty" in said
    assert "evaluation.corruptions is empty" in said


def test_targets_that_were_not_reached_are_censored():
    said = text(made())
    assert re.search(r"evaluation\.target_mse 0\.0010 not within 3 epochs", said)
    assert re.search(r"black image 0\.0522 2 80 ", said)
    assert "epochs to 90 % 2 " in said
    assert "epochs to 99 % 3 " in said


def test_numbers_that_are_none_are_not_overlooked():
    found = made()
    values = found.model["mse"].copy()
    values[0] = np.nan
    assert text(replace(found, model=found.model | {"mse": values})).count("not a number") > 5


def test_definitions_are_those_of_the_code(whole):
    said = Parsed(whole).text
    plateau = {name: item.default for name, item in inspect.signature(plateaus).parameters.items()}
    length, tolerance = plateau["length"], 100 * plateau["tolerance"]
    assert f"{length} or more consecutive epochs, none further than {tolerance:g} %" in said
    assert f"Stretches of {length} or more epochs within ±{tolerance:g} %" in said
    clean = np.zeros((1, 8, 8, 1), np.float32)
    assert f"at most {float(metrics.psnr(clean, clean)[0]):.0f} dB" in said
    assert metrics._SSIM_C1 == 0.01**2
    assert metrics._SSIM_C2 == 0.03**2
    assert "K1 = 0.01, K2 = 0.03" in said
    assert f"windows of {metrics.SSIM_WINDOW}×{metrics.SSIM_WINDOW} pixels" in said
    least, most = (float(metrics.bce(clean + one, clean + 1 - one)[0]) for one in (1, 0))
    assert least == pytest.approx(-np.log(1e-7), rel=1e-3)
    assert most == pytest.approx(-np.log(1e-7), rel=0.02)


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [
        (0.014, 4, "0.0140"),
        (-0.0049, 4, "-0.0049"),
        (3.24e-5, 4, "3.2e-05"),
        (-9.96e-5, 4, "-1.0e-04"),
        (0.0, 4, "0.0000"),
        (-0.0002, 3, "0.000"),
        (1234567.0, 4, "1.2e+06"),
        (17.714, 2, "17.71"),
        (None, 4, "–"),
        (float("nan"), 4, "not a number"),
        (float("inf"), 4, "+infinity"),
        (np.float32(0.5), 4, "0.5000"),
    ],
)
def test_numbers_are_written_so_that_none_is_lost(value, decimals, written):
    assert report_text.number(value, decimals) == written


def test_small_words():
    assert report_text.share(0.9314) == "93.1 %"
    assert report_text.share(None) == "–"
    assert report_text.part(1.0, 0.0) == "–"
    assert report_text.part(0.5, 2.0) == "25.0 %"
    assert report_text.chance(0.00004) == "below 0.001"
    assert report_text.chance(0.031) == "0.031"
    assert report_text.bounds(Interval(1.0, np.nan, np.nan)) == ""
    assert report_text.bounds(Interval(0.014, 0.0138, 0.0142)) == "[0.0138, 0.0142]"


def test_classes_are_called_by_their_names_and_metrics_by_their_numbers():
    said = text(named(24, "ant", "<b>", "cat"))
    for number, name in enumerate(("ant", "<b>", "cat")):
        assert re.search(rf"(?<!\S){name} \({number}\) 8 ", said)
    assert re.search(r"Classes in this view.* ant 8 .* <b> 8 .* cat 8 ", said)
