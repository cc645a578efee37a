"""Gross, tare and net of a weight, whether the scale takes the tare off or the gateway does."""

from __future__ import annotations

from device_gateway.domain.observations import Weighing, WeightState


class Tare:
    """The tares in force: one that the scale took on our order, and one of known weight that we take off."""

    def __init__(self) -> None:
        self._on_scale_g: int | None = None
        self._known_g = 0

    @property
    def on_scale(self) -> bool:
        """Whether the scale takes a tare off that we ordered."""
        return self._on_scale_g is not None

    def taken_by_scale(self, gross_g: int | None) -> None:
        """The scale has taken what lies on it as its tare; None if nobody knows how much that was."""
        self._on_scale_g = gross_g
        self._known_g = 0

    def known(self, grams: int) -> None:
        """Take this much off every weight."""
        self._known_g = grams

    def cleared(self) -> None:
        """No tare."""
        self._on_scale_g = None
        self._known_g = 0

    def weighing(self, grams: int, *, net: bool) -> Weighing:
        """A weight that the scale calls stable; `net` if it has taken a tare off. Gross and tare stay None where the
        tare was taken at the scale's own key: nobody told us how much.
        """
        if grams == 0 and not self._known_g:
            return Weighing(WeightState.ZERO)
        if grams < 0:
            return Weighing(WeightState.BELOW_ZERO, detail="The scale shows less than nothing.")
        scale_tare_g = self._on_scale_g if net else 0
        net_g = grams - self._known_g
        if net_g < 0:
            return Weighing(
                WeightState.BELOW_ZERO, detail=f"There is less on the scale than the tare of {self._known_g} g."
            )
        if net_g == 0:
            return Weighing(WeightState.ZERO)
        if scale_tare_g is None:
            return Weighing(WeightState.STABLE, net_g=net_g)
        return Weighing(
            WeightState.STABLE,
            gross_g=grams + scale_tare_g,
            tare_g=scale_tare_g + self._known_g,
            net_g=net_g,
        )
