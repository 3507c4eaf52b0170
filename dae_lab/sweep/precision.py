"""Decides ``training.precision=auto`` once for all runs of a sweep, so that its arms stay comparable."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from dae_lab.config.run import Config
from dae_lab.config.validate import check_shapes
from dae_lab.experiment import loaded
from dae_lab.parts.shapes import Shape
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.plan import checked_config
from dae_lab.training.precision import AUTO, Measurement, Network, settle

log = logging.getLogger(__name__)

Measure = Callable[[Sequence[Network]], Measurement]
"""Measures networks on the machine that will train them, with as many threads."""


class PrecisionDecision:
    """The precision of those runs of a sweep that leave it to be measured.

    The networks of the first batch decide together; later batches keep the decision.

    Attributes:
        measurement: what decided; None as long as no run has asked.
    """

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.measurement: Measurement | None = None

    def settle(self, composed: Sequence[Composed]) -> list[Composed]:
        """``composed``, checked, each with a precision that is not ``auto``.

        Raises:
            UserError: a config that makes no sense, data that cannot be read, shapes that do not fit.
        """
        checked = [replace(item, checked=checked_config(item)) for item in composed]
        undecided = [item.checked for item in checked if item.checked and _is_undecided(item)]
        if undecided and self.measurement is None:
            networks = [(config, _image_shape(config)) for config in undecided]
            for network in networks:
                check_shapes(*network)
            self.measurement = self._measure(networks)
            log.info("training.precision=auto: %s", self.measurement)
        return [self._settled(item) if _is_undecided(item) else item for item in checked]

    def _settled(self, item: Composed) -> Composed:
        assert item.checked
        assert self.measurement
        return replace(item, checked=settle(item.checked, self.measurement), measurement=self.measurement)


def _image_shape(config: Config) -> Shape:
    return config.data.image_shape() or loaded(config).train.shape


def _is_undecided(item: Composed) -> bool:
    return item.checked is not None and item.checked.training.precision == AUTO
