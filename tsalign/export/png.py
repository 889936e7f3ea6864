"""One picture a recording: signal, tokens and where every sentence was placed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge

from tsalign.export.atomic import file_name, replacing
from tsalign.export.rows import WhichPart, of_part
from tsalign.params import check_params
from tsalign.types import Aligned


@dataclass(frozen=True)
class Png:
    """Draw `png/<recording>.png`.

    From top to bottom over one time axis: channels (those of one sensor together) with segment
    bounds, tokens as a ribbon of colours, true labels, and one lane for each wording. In a
    lane a bar is where the sentence was placed, its opacity the confidence; the dark line
    below it is the truth. What was not placed is written in grey with the reason.

    Parameters
    ----------
    part : str
        Which recordings: `all`, `train`, `valid` or `test`.
    dpi : int
        Pixels per inch; the picture is 14 inches wide.
    lanes : int
        How many wordings are shown at most.

    Examples
    --------
    >>> Png()([], Path("anywhere"))
    []
    """

    part: WhichPart = "test"
    dpi: Annotated[int, Ge(20)] = 110
    lanes: Annotated[int, Ge(1)] = 60
    version: ClassVar[int] = 1
    per_recording: ClassVar[bool] = True

    def __call__(self, items: Iterable[Aligned], folder: Path) -> list[Path]:
        """Draw one picture a recording and return their paths."""
        check_params(self)
        from tsalign.export.picture import draw

        paths = []
        for item in of_part(items, self.part):
            path = Path(folder, "png", f"{file_name(item.recording)}.png")
            with replacing(path) as file, warnings.catch_warnings():
                # A script that the font lacks shows as boxes; that is no reason to fail.
                warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
                figure = draw(item, self.lanes)
                figure.savefig(file, format="png", dpi=self.dpi, metadata={"Software": None})
            paths.append(path)
        return paths
