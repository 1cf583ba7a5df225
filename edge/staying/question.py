"""Says whether a watch still asks what a stay answers, so that nothing goes on as the answer to another question."""

from __future__ import annotations

import json
from collections.abc import Sequence

from detectors.base import BoxXyxy
from edge.looking.zones import stands_in
from edge.staying.stay import Stay
from ingest.configuration import Policy, Watch, Zone
from ingest.contract import Event


def question_of(watch: Watch) -> str:
    """Returns what makes a watch another question under the same id: its source, preset, kind and policy.

    What covers a share of a zone is another question in another zone; for single things see :func:`is_still_asked`.
    """
    zone = watch.zone if watch.policy is Policy.AREA else None
    return json.dumps([watch.camera, watch.sensor, watch.preset, watch.kind, watch.policy, zone])


def is_still_asked(stay: Stay, watch: Watch, last: Event | None, masks: Sequence[Zone] = ()) -> bool:
    """Whether a stay may go on under this watch, which has the id of the one that followed it.

    It may not where looks can no longer find it although it is there: they would see it "gone".

    last: The last event of its incident; it tells what the stays of earlier versions do not. masks: Of its camera.
    """
    if stay.question is not None and stay.question != question_of(watch):
        return False
    source = watch.camera or watch.sensor
    if last is not None and (last.source.id, last.source.preset, last.kind) != (source, watch.preset, watch.kind):
        return False
    if watch.camera is None:
        return True
    box = stay.finding.box_xyxy
    if box is not None and any(stands_in(_middle(box), mask) for mask in masks):
        return False
    stands = box is None or watch.zone is None or watch.policy is Policy.AREA or stands_in(box, watch.zone)
    return stands and (watch.labels is None or stay.finding.label in watch.labels)


def _middle(box_xyxy: BoxXyxy) -> BoxXyxy:
    x, y = (box_xyxy[0] + box_xyxy[2]) / 2, (box_xyxy[1] + box_xyxy[3]) / 2
    return (x, y, x, y)
