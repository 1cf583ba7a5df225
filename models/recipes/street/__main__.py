"""The one command of the recipe: teach, measure, choose, export, and write the card."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.recipes.street.candidates import Sources, run
from models.recipes.street.publish import publish


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.recipes.street", description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="the official yolov8n.pt")
    parser.add_argument("--coco", type=Path, required=True, help="images/ and labels/ of train2017 and val2017")
    parser.add_argument(
        "--top-view", type=Path, required=True, help="vehicles from above: images/, labels/, train, val"
    )
    parser.add_argument("--streets", type=Path, required=True, help="folder of street pictures, labels not needed")
    parser.add_argument("--work", type=Path, required=True, help="new folder for intermediate files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model, such as models/street")
    parser.add_argument("--publish-only", action="store_true", help="export what an earlier run left in --work")
    asked = parser.parse_args()
    if not asked.publish_only:
        asked.work.mkdir(parents=True)
        sources = Sources(base=asked.base, coco=asked.coco, top_view=asked.top_view, streets=asked.streets)
        run(sources, asked.work)
    publish(asked.base, asked.work, asked.out)


if __name__ == "__main__":
    main()
