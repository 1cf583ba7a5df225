"""The one operator of torchvision that ultralytics needs for detection."""

import torch


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Returns the indices of the boxes that non-maximum suppression keeps, best score first.

    boxes: shape ``(n, 4)``, x1, y1, x2, y2. scores: shape ``(n,)``. A box goes when its IoU with a better, kept one is
    above ``iou_threshold``.
    """
    order = scores.argsort(descending=True, stable=True)
    corners = boxes[order]
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    alive = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for i in range(len(order)):
        if not alive[i]:
            continue
        top_left = torch.maximum(corners[i, :2], corners[i + 1 :, :2])
        bottom_right = torch.minimum(corners[i, 2:], corners[i + 1 :, 2:])
        shared = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        alive[i + 1 :] &= shared <= iou_threshold * (areas[i] + areas[i + 1 :] - shared)
    return order[alive]
