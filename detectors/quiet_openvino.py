"""Imports OpenVINO so that it tells nobody: an edge calls its centre and no one else.

On import OpenVINO reports to a third party through the package ``openvino_telemetry``, and starts a process for it.
Where that package cannot be imported it falls back to a stub of its own, so here it cannot be imported.
Everything of OpenVINO is taken from here.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402
from openvino.preprocess import ColorFormat, PrePostProcessor  # noqa: E402

__all__ = ["ColorFormat", "PrePostProcessor", "openvino"]
