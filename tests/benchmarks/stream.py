"""Latency of ``dedupe match``: ``python -m tests.benchmarks.stream WORKSPACE FILE``.

Starts ``dedupe match WORKSPACE`` and writes the rows of FILE to it as JSON lines, each after the
answer to the row before. Prints the median, the 95th and the 99th percentile of the milliseconds
from a record to its answer, and records per second; then the same rows in one go.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dedupe.io.tables import read_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so many")
    given = parser.parse_args()
    frame = read_table(given.file).frame
    rows = frame.sample(given.records, shuffle=True, seed=0, with_replacement=True)
    lines = [line + "\n" for line in rows.write_ndjson().splitlines()]
    command = [sys.executable, "-m", "dedupe", "match", str(given.workspace)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    taken, matched = [], 0
    for line in [lines[0], *lines]:
        written = time.perf_counter()
        process.stdin.write(line)
        process.stdin.flush()
        matched += bool(json.loads(process.stdout.readline())["matches"])
        taken.append((time.perf_counter() - written) * 1000)
        if len(taken) == 1:  # the start of the process included
            print(f"the first answer after {time.perf_counter() - start:.1f} s", flush=True)
            start = time.perf_counter()
        if time.perf_counter() - start > given.seconds:
            break
    process.stdin.close()
    process.wait()
    taken = taken[1:]
    print(
        f"{len(taken):,} one by one ({matched:,} with a match): median {np.median(taken):.1f} ms, "
        f"95th percentile {np.quantile(taken, 0.95):.1f} ms, "
        f"99th {np.quantile(taken, 0.99):.1f} ms, the slowest {max(taken):.0f} ms; "
        f"{1000 / np.mean(taken):.0f} records a second",
        flush=True,
    )
    with tempfile.TemporaryFile("w+") as file:
        file.writelines(lines[: len(taken)])
        file.seek(0)
        start = time.perf_counter()
        answers = subprocess.run(command, stdin=file, capture_output=True, check=True).stdout
        seconds = time.perf_counter() - start
    count = answers.count(b"\n")
    print(f"{count:,} in one go, start included: {seconds:.1f} s, {count / seconds:.0f} a second")


if __name__ == "__main__":
    main()
