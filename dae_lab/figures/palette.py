"""Colours: the same thing has the same colour in every figure, and none is told by its colour alone."""

CYCLE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
"""For classes. Source: Okabe & Ito, "Color Universal Design", 2008, without yellow: too pale on white."""

MODEL = CYCLE["blue"]
NOISY = CYCLE["vermillion"]
CLEAN = CYCLE["black"]
TRAIN = CYCLE["green"]
VALIDATION = CYCLE["purple"]
BASELINE = "#707070"

NEGATIVE, ZERO, POSITIVE = (11, 60, 140), (255, 255, 255), (215, 48, 31)
"""Ends and middle of the diverging map, RGB in 0 to 255; the ends differ in grey too, 54 and 96."""

NOT_A_NUMBER = (204, 121, 167)
"""RGB of a pixel that is not finite: no grey image and no error has this colour by itself."""


def of_reference(title: str) -> str:
    """The colour of a baseline's line, bar or point: grey, but for the noisy images as they are."""
    return NOISY if title.startswith("noisy") else BASELINE
