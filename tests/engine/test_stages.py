from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedupe.blocking.embedding.features import COLUMNS
from dedupe.blocking.embedding.tfidf import MAX_RARE, RARITY_POWER
from dedupe.blocking.index import Index, assign_slots
from dedupe.blocking.sources import sources_of_texts
from dedupe.config import Config
from dedupe.engine.candidates import BINS, identical_texts, within_budget
from dedupe.engine.components import contract
from dedupe.engine.plan import Plan, Sizes, part
from dedupe.engine.reading import (
    SKETCH,
    _sketch,
    count_distinct,
    find_files,
    make_texts,
    read_input,
)
from dedupe.engine.search import _binary, _cells_of, _search_all, find_candidates
from dedupe.engine.store import Store
from dedupe.engine.workers import naming_record
from dedupe.errors import EngineError, InputError
from dedupe.pipeline.pairs import record_sources
from dedupe.progress import no_report
from dedupe.records.records import make_records
from dedupe.scoring.pairs import components, identical_pairs
from tests.engine.clusters import Inline
from tests.engine.people import people

ROWS = 30


@given(st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)), max_size=60))
def test_contraction_finds_the_connected_components(
    tmp_path_factory: pytest.TempPathFactory, edges: list[tuple[int, int]]
) -> None:
    store = Store(str(tmp_path_factory.mktemp("stages")))
    plan = Plan(store, store, Config(), Sizes(edges=0), starts=(0, 10, 20, ROWS))
    ends = np.array([pair for pair in edges if pair[0] != pair[1]], dtype=np.uint32).reshape(-1, 2)
    for home in plan.homes:
        some = ends[home::3]
        frame = pl.DataFrame({"row": some.max(axis=1), "label": some.min(axis=1)}).unique()
        store.write(part("edges", home), frame.cast(pl.UInt32))
    stage, counts = contract(Inline(store, no_report), plan, "edges", len(ends))
    found = pl.concat([store.read(part(stage, home)) for home in plan.homes])
    label = np.arange(ROWS, dtype=np.uint32)
    label[found["row"].to_numpy()] = found["label"].to_numpy()
    expected = components(ROWS, ends[:, 0], ends[:, 1])
    assert label.tolist() == expected.tolist()
    assert len(counts) <= 8


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(1, 100))
def test_the_best_pairs_are_within_the_budget(counts: list[int], most: int) -> None:
    histogram = np.zeros((3, BINS), dtype=np.int64)
    histogram.ravel()[:: BINS // 4][: len(counts)] = counts
    rank, lowest = within_budget(histogram, most)
    kept = histogram[:rank].sum() + (histogram[rank, lowest:].sum() if rank < 3 else 0)
    assert kept <= most or kept == histogram[0][histogram[0].nonzero()[0].max(initial=0)]
    assert kept == histogram.sum() or kept + histogram.max() >= min(most, histogram.sum())


def test_one_search_ranks_neighbours_in_other_sources_apart(tmp_path: Path) -> None:
    path, config = tmp_path / "people.csv", Config(candidates_per_record=2)
    table = people(400).with_columns(
        pl.Series("source", ["a", "a", "b", "a"] * 100), pl.lit("").alias("id")
    )
    table = pl.concat([table, table[:20].with_columns(pl.lit("b").alias("source"))])
    table.write_csv(path)
    store = Store(str(tmp_path / "stages"))
    workers = Inline(store, no_report)
    plan = read_input(workers, Plan(store, store, config, Sizes(rows=150)), find_files(str(path)))
    make_texts(workers, plan)
    identical_texts(workers, plan)
    notes = _search_all(plan, 0)["notes"]

    records = make_records(table, config)
    firsts, identical = identical_pairs(records.texts)
    texts, slot = (
        records.texts.gather(firsts).to_list(),
        assign_slots(records.texts, firsts, identical),
    )
    number, expected_notes = record_sources(records, config)
    sources = sources_of_texts(number, slot, len(texts), config)
    assert sources is not None
    found = Index.build(texts, config).candidates(texts, config, sources=sources).pairs
    rows = firsts.to_numpy()
    expected = found.with_columns(
        pl.Series(side, rows[found[side].to_numpy()], dtype=pl.UInt32) for side in ("left", "right")
    )
    assert store.read(part("search", 0)).equals(expected)
    assert notes == list(expected_notes)


def test_records_that_share_a_key_meet_however_many_have_it(tmp_path: Path) -> None:
    common, rare, cells = 7, 8, 10**6
    features = np.full((600, MAX_RARE), -1, dtype=np.int32)
    features[:, 0] = common
    features[::200, 1] = rare
    rarity = np.zeros(COLUMNS, dtype=np.float32)
    rarity[common], rarity[rare] = (np.log(601 / records) ** RARITY_POWER for records in (600, 3))
    store = Store(str(tmp_path))
    of_partition = {"seen": np.array([common, rare]), "rarity": rarity[[common, rare]]}
    store.write(part("weights", 0), pl.DataFrame(of_partition).cast({"seen": pl.Int32}))
    store.finish("weights", {"tasks": [{"fitted_on": 600}]})
    rows = np.arange(600, dtype=np.uint32)
    table = pa.table({"row": rows, "features": _binary(features)})
    plan = Plan(store, store, Config(), Sizes(key_cell=200))
    of_record = _cells_of(plan, table, cells)
    members = {
        cell: set(np.flatnonzero((of_record == cell).any(axis=1)).tolist())
        for cell in np.unique(of_record[of_record >= 0]).tolist()
    }
    for row in range(600):
        met = set().union(*(members[cell] for cell in of_record[row].tolist() if cell >= 0))
        assert len(met) == 600
    assert any(rows_of_cell == {0, 200, 400} for rows_of_cell in members.values())
    assert max(len(rows_of_cell) for rows_of_cell in members.values()) <= 200


@pytest.mark.parametrize("equal", [1.0, 0.2])
def test_a_value_of_very_many_rows_does_not_make_a_large_cell(tmp_path: Path, equal: float) -> None:
    rows = 1_200
    table = (
        people(rows)
        .select("id", "name", "born")
        .with_columns(
            pl.when(pl.int_range(pl.len()) < equal * rows)
            .then(pl.lit("maximilian featherstonehaugh"))
            .otherwise("name")
            .alias("name")
        )
    )
    path, store = tmp_path / "people.csv", Store(str(tmp_path / "stages"))
    table.write_csv(path)
    workers, sizes = Inline(store, no_report), Sizes(rows=500, one_search=0, key_cell=300)
    plan = read_input(workers, Plan(store, store, Config(), sizes), find_files(str(path)))
    make_texts(workers, plan)
    identical_texts(workers, plan)
    found = find_candidates(workers, plan)
    assert found["cells"] > 20
    assert found["largest_cell"] <= 2 * sizes.key_cell


def test_distinct_values_are_counted_over_partitions() -> None:
    values = pl.Series([f"value {number}" for number in range(20_000)])
    parts = [_sketch(values[:12_000]), _sketch(values[8_000:])]
    distinct, filled = count_distinct(parts)
    assert filled == 24_000
    assert distinct == pytest.approx(20_000, rel=4 / SKETCH**0.5)
    assert count_distinct([_sketch(values[:100]), _sketch(values[50:120])]) == (120, 170)


def test_a_record_that_breaks_a_stage_is_named() -> None:
    def fails(frame: pl.DataFrame) -> None:
        if frame["row"].is_in([4_711]).any():
            raise ZeroDivisionError("by nothing")

    frame = pl.DataFrame({"row": range(4_000, 5_000)})
    with pytest.raises(
        EngineError, match=r"record 4711 .*stage texts: ZeroDivisionError: by nothing"
    ):
        naming_record("texts", fails, frame)


def test_a_pair_that_breaks_a_stage_is_named() -> None:
    def fails(frame: pl.DataFrame) -> None:
        if (frame["left"] == 3).any():
            raise ValueError("no")

    frame = pl.DataFrame({"left": range(9), "right": range(10, 19)})
    with pytest.raises(EngineError, match="pair 3 and 13"):
        naming_record("score", fails, frame)


def test_addresses_of_files_are_listed(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.parquet", "notes.md"):
        pl.DataFrame({"x": [1]}).write_parquet(tmp_path / name)
    address = f"file://{tmp_path}"
    expected = [f"{address}/a.parquet", f"{address}/b.parquet"]
    for named in (address, f"{address}/*.parquet", f"{address}/"):
        assert [file.path for file in find_files(named)] == expected
    with pytest.raises(InputError, match="no file matches"):
        find_files(f"{address}/*.csv")


def test_a_stage_is_finished_when_its_last_file_is_there(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write(part("texts", 0), pl.DataFrame({"row": [1]}))
    assert store.finished("texts") is None
    store.finish("texts", {"tasks": [{"rows": 1}]})
    assert store.finished("texts") == {"tasks": [{"rows": 1}]}
    assert store.read(part("texts", 0))["row"].to_list() == [1]
    store.remove("texts")
    assert store.finished("texts") is None
