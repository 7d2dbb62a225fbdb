"""A Ray cluster on this machine, and a file of people for the tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.engine.clusters import RAY_MISSING, start
from tests.engine.people import people


@pytest.fixture(scope="package")
def cluster() -> Iterator[None]:
    """Start Ray on two cores, and stop it."""
    if RAY_MISSING:
        pytest.skip("Ray is not installed: pip install 'dedupe-tui[ray]'")
    with start(cpus=2):
        yield


@pytest.fixture(scope="package")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("input") / "people.csv"
    people(600).write_csv(path)
    return path


@pytest.fixture(scope="package")
def local(file: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The clusters of a local run."""
    import dedupe

    folder = tmp_path_factory.mktemp("local") / "people.dedupe"
    return dedupe.run(file, output=folder, effort="fast").clusters
