"""The long form of the fuzzer: ``python -m tests.fuzz --minutes 60``."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections import Counter
from itertools import count
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from traceback import format_exc

import click

from dedupe.cli.console import echo
from tests.fuzz.check import check_seed, made_file

KEPT = Path(__file__).parent / "kept"


def keep_file(seed: str) -> None:
    """Copy the file of a seed to the kept ones."""
    with TemporaryDirectory(prefix="fuzz-") as folder:
        case, _ = made_file(seed, Path(folder))
        file = Path(case.path.split("::")[0])
        shutil.copy(file, KEPT / f"{seed}{''.join(file.suffixes)}")


@click.command()
@click.option("--minutes", type=float, help="How long to run (default: 1, or until --tables).")
@click.option("--tables", type=int, help="Most tables.")
@click.option("--seed", help="Seed (default: a random one, which is printed).")
@click.option("--one", help="Seed of a single table, as a failure names it.")
@click.option("--run", is_flag=True, help="Deduplicate each table as well.")
@click.option("--run-every", metavar="N", type=int, help="Deduplicate every Nth table as well.")
@click.option("--keep", is_flag=True, help=f"Keep the files that fail in {KEPT.name}/.")
def main(
    minutes: float | None,
    tables: int | None,
    seed: str | None,
    one: str | None,
    run: bool,
    run_every: int | None,
    keep: bool,
) -> None:
    """Check random tables of every format, 40 % of them damaged."""
    if one is not None:
        echo(check_seed(one, run=run))
        return
    seed = seed or str(secrets.randbelow(2**32))
    every = 1 if run else run_every
    seconds = inf if tables and minutes is None else 60 * (minutes or 1)
    echo(f"seed {seed}")
    found: Counter[str] = Counter()
    failed: dict[str, str] = {}
    begin = perf_counter()
    for number in count() if tables is None else range(tables):
        if perf_counter() - begin > seconds:
            break
        is_run = every is not None and number % every == 0
        found["run"] += is_run
        try:
            found[check_seed(f"{seed}-{number}", run=is_run)] += 1
        except KeyboardInterrupt:
            break
        except BaseException:
            found["failed"] += 1
            failed[f"{seed}-{number}"] = format_exc()
            echo(f"{seed}-{number}: {format_exc().strip().splitlines()[-1][:300]}")
        if number % 1000 == 999:
            echo(f"{number + 1:,} tables, {found['failed']} failed")
    run_whole = found.pop("run")
    echo(
        f"{found.total():,} tables in {perf_counter() - begin:,.0f} s, {run_whole:,} of them "
        f"deduplicated as well: {dict(found)}"
    )
    if keep:
        for one in failed:
            keep_file(one)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
