"""The plug-in ``threshold``: finds readings above or below a limit, and lets go only at a second limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detectors.base import DetectionError, DetectorIdentity, Finding, Reading
from detectors.registry import DetectorPlugin

Limit = Annotated[float, Field(allow_inf_nan=False)]


class ThresholdConfiguration(BaseModel):
    """What a watch may say about this rule: ``above`` or ``below``, in the sensor's unit.

    clear_below goes with ``above``: once wrong, readings stay wrong until one is below it. clear_above goes with
    ``below`` likewise. unit: When given, a reading in another unit is an error, never a comparison.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["threshold"] = "threshold"
    above: Limit | None = None
    below: Limit | None = None
    clear_below: Limit | None = None
    clear_above: Limit | None = None
    unit: Annotated[str, Field(min_length=1, max_length=32)] | None = None

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a threshold needs either above or below, and not both")
        if self.clear_below is not None and (self.above is None or self.clear_below > self.above):
            raise ValueError("clear_below goes with above, and is not higher than it")
        if self.clear_above is not None and (self.below is None or self.clear_above < self.below):
            raise ValueError("clear_above goes with below, and is not lower than it")
        return self


class ThresholdRule:
    """A :class:`detectors.base.ReadingRule` without a memory of its own: the caller knows whether a stay stands."""

    def __init__(self, configuration: ThresholdConfiguration) -> None:
        self._configuration = configuration

    @property
    def identity(self) -> DetectorIdentity:
        return DetectorIdentity(name="threshold", version="1")

    def judge(self, readings: Sequence[Reading], *, standing: bool) -> list[list[Finding]]:
        """Returns one finding, labelled ``above`` or ``below``, for each reading that is wrong.

        Raises: DetectionError: If a value is not finite, or its unit is not the configured one.
        """
        findings: list[list[Finding]] = []
        for reading in readings:
            self._check(reading)
            standing = self._is_wrong(reading.value, standing=standing)
            findings.append([self._finding(reading.value)] if standing else [])
        return findings

    def _is_wrong(self, value: float, *, standing: bool) -> bool:
        limits = self._configuration
        if limits.above is not None:
            return value > limits.above or (standing and limits.clear_below is not None and value >= limits.clear_below)
        if limits.below is not None:
            return value < limits.below or (standing and limits.clear_above is not None and value <= limits.clear_above)
        raise DetectionError("a threshold without a limit can't judge")

    def _finding(self, value: float) -> Finding:
        limits = self._configuration
        if limits.above is not None:
            return Finding(label="above", value=value, threshold=limits.above)
        return Finding(label="below", value=value, threshold=limits.below)

    def _check(self, reading: Reading) -> None:
        if not math.isfinite(reading.value):
            raise DetectionError(f"expected a finite reading, got {reading.value} at {reading.measured_at.isoformat()}")
        unit = self._configuration.unit
        if unit is not None and reading.unit != unit:
            raise DetectionError(f"expected a reading in {unit!r}, got {reading.unit!r}")


PLUGIN = DetectorPlugin(key="threshold", judges="readings", configuration=ThresholdConfiguration, build=ThresholdRule)
