"""Runs command-line programs one after another: `programs.py JSON`.

Keys: commands (each a list of words), pause_s, spread, seed, limit_s (after which one is ended). In the
words WORDS stands for the word list, DIR for a folder of this client, a zero byte for a blank.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from typing import Any

from lab.recording.pauses import pause


def main(job: dict[str, Any]) -> None:
    """Run all of them."""
    rng = random.Random(job["seed"])
    for number, command in enumerate(job["commands"]):
        if number:
            mean_s, spread = job["pause_s"], job["spread"]
            meant_s = mean_s if not spread else rng.lognormvariate(math.log(mean_s) - spread**2 / 2, spread)
            pause(meant_s, is_connected=False)
        process = subprocess.Popen(
            [filled(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _, said = process.communicate(timeout=job["limit_s"])
        except subprocess.TimeoutExpired:
            process.terminate()
            _, said = process.communicate(timeout=10)
        if process.returncode:
            print(command[0], process.returncode, said[-300:].decode(errors="replace"), file=sys.stderr)


def filled(word: str) -> str:
    """The word with what stands for something replaced."""
    word = word.replace("\0", " ").replace("DIR", f"{os.environ['HOME']}/out")
    return word.replace("WORDS", os.environ["LAB_WORDS"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
