"""The picture of the demo that the README shows: `python -m notifier.demo.picture docs/demo.svg`."""

from __future__ import annotations

import argparse
import re
import tempfile
from datetime import datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from ..logs import configure
from ..replay.engine import Player
from ..replay.recording import read_recording
from .people import Engineer
from .screen import Frame, draw
from .show import Performance
from .stage import set_up
from .vermont import SHIPPED, ZONE

MOMENT = datetime(2012, 9, 18, 8, 10, tzinfo=ZONE)
"""Acknowledged, the workaround passed on, not over yet."""
COLUMNS, ROWS = 120, 40
_FONTS_FROM_ELSEWHERE = re.compile(r"\s*@font-face\s*\{[^}]*\}")
"""A picture that loads fonts from the network tells strangers who looks at it; any monospaced font will do."""


def frame_at(moment: datetime, base: Path) -> Frame:
    """Play the morning up to a moment, as fast as it goes; what the demo shows then."""
    with tempfile.TemporaryDirectory(prefix="notifier-demo-") as folder, set_up(Path(folder), base) as stage:
        engineer = Engineer()
        show = Performance(stage, engineer, seconds=0, live=None, console=Console(file=StringIO()))
        player = Player(stage.app, stage.clock, engineer)
        player.play((show.heard(event) for event in read_recording(SHIPPED, None)), until=moment)
        return show.frame()


def picture(frame: Frame) -> str:
    """The frame in a terminal of 120 columns and 40 rows, as SVG; the same each time."""
    console = Console(record=True, width=COLUMNS, height=ROWS, file=StringIO(), force_terminal=True,
                      color_system="truecolor")
    console.print(draw(frame))
    return _FONTS_FROM_ELSEWHERE.sub("", console.export_svg(title="notifier demo", unique_id="demo"))


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--config", type=Path, default=Path("config"), help="the example deployment")
    given = parser.parse_args()
    configure(json_lines=False, level="error")
    given.file.write_text(picture(frame_at(MOMENT, given.config)), encoding="utf-8")


if __name__ == "__main__":
    main()
