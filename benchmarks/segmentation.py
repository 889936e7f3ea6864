"""Everything measured of segmenters, one script after the other, each writing its own results.

    python benchmarks/segmentation.py --peer-python PATH [--only NAME ...]

PATH is the Python of an environment with skchange, fastcpd, ruptures and claspy; each script says
what it measures and how. About half an hour on two quiet cores, most of it the peers'.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = {
    "segmentation_exact": False,  # whether it asks for peers
    "segmentation_speed": True,
    "segmentation_automatic": True,
    "tcpd": False,
    "segmentation_hapt": True,
    "streaming": False,
}


def main() -> int:
    """Run the scripts; return the number of those that failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python", help="Python of an environment with the peers")
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    options = parser.parse_args()
    failed = 0
    for name in options.only:
        peers = ["--peer-python", options.peer_python] if options.peer_python else []
        print(f"=== {name}", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py"), *(peers if SCRIPTS[name] else [])]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
