"""The picture of the README: a test recording as a finished run of `pipelines/hapt.yaml` drew it.

    python -m tsalign.run pipelines/hapt.yaml && python benchmarks/picture.py

The recording is the first of the test part, whatever its figures. The run's picture is kept with
256 colours, a third of its bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

OUT = Path(__file__).parent / "results" / "aligned.png"
MOST_BYTES = 300_000


def main() -> None:
    """Write `results/aligned.png`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/hapt"), help="a run folder")
    parser.add_argument("--recording", default="s21_0")
    options = parser.parse_args()
    drawn = options.run / "png" / f"{options.recording}.png"
    if not drawn.is_file():
        parser.error(f"{drawn} is not there: run pipelines/hapt.yaml first")
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")
    if OUT.stat().st_size > MOST_BYTES:
        parser.exit(1, f"more than {MOST_BYTES:,} bytes\n")


if __name__ == "__main__":
    main()
