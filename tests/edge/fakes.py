"""A clock that moves only when told, and findings and watches in one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from detectors.base import BoxXyxy, Finding
from edge.staying.clock import Moment
from ingest.configuration import DetectorChoice, Policy, Watch

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
STREET = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
CAR_BOX: BoxXyxy = (0.4, 0.4, 0.6, 0.6)


@dataclass
class FakeClock:
    """Both clocks of a box; ``step`` moves UTC alone, as a time server does, and ``reboot`` begins a new boot."""

    utc: datetime = START
    boot_s: float = 100.0
    boot: int = 1

    def now(self) -> Moment:
        return Moment(utc=self.utc, boot_s=self.boot_s, boot_id=f"boot-{self.boot}")

    def pass_s(self, seconds: float) -> Moment:
        self.utc += timedelta(seconds=seconds)
        self.boot_s += seconds
        return self.now()

    def step(self, seconds: float) -> None:
        self.utc += timedelta(seconds=seconds)

    def reboot(self, *, down_s: float) -> Moment:
        self.utc += timedelta(seconds=down_s)
        self.boot_s = 30.0
        self.boot += 1
        return self.now()


def watch(
    *,
    dwell_s: float = 20.0,
    grace_s: float = 10.0,
    clear_s: float = 30.0,
    policy: Policy = Policy.SAME,
    name: str = "parking",
) -> Watch:
    return Watch(
        id=name,
        kind="illegal-parking",
        camera="yard",
        zone=STREET,
        detector=DetectorChoice(type="yolo"),
        labels=["car"],
        policy=policy,
        dwell_s=dwell_s,
        grace_s=grace_s,
        clear_s=clear_s,
    )


def car(box: BoxXyxy = CAR_BOX, *, score: float = 0.7, label: str = "car") -> Finding:
    return Finding(label=label, score=score, box_xyxy=box)
