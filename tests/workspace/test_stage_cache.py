"""The stage cache returns whole results or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dedupe.workspace.stage_cache import MOST_PARTS, StageCache

FRAME = pl.DataFrame({"left": [0, 1], "right": [2, 3]}, schema_overrides={"left": pl.UInt32})


@pytest.fixture
def cache(tmp_path: Path) -> StageCache:
    (tmp_path / "stages").mkdir()
    return StageCache(tmp_path / "stages")


def test_a_saved_table_is_loaded(cache: StageCache) -> None:
    cache.save("scored", "k1", FRAME, {"radius": 0.5})
    frame, facts = cache.load("scored", "k1") or (None, None)
    assert frame is not None and frame.equals(FRAME) and frame.schema == FRAME.schema
    assert facts == {"radius": 0.5}
    assert cache.load("scored", "k2") is None


def test_saving_removes_what_the_stage_cached_before(cache: StageCache) -> None:
    cache.save("scored", "k1", FRAME, {})
    cache.save("table", "k1", FRAME, {})
    cache.save("scored", "k2", FRAME, {})
    assert sorted(path.name for path in cache.folder.iterdir()) == [
        "scored-k2.json", "scored-k2.parquet", "table-k1.json", "table-k1.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["parquet", "json"])
def test_a_damaged_table_does_not_count(cache: StageCache, part: str) -> None:
    cache.save("scored", "k1", FRAME, {})
    file = cache.folder / f"scored-k1.{part}"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-3], b"x" + whole[1:], b"[]"):
        file.write_bytes(damaged)
        assert cache.load("scored", "k1") is None
    file.write_bytes(whole)
    assert cache.load("scored", "k1") is not None
    file.unlink()
    assert cache.load("scored", "k1") is None


def test_arrays_are_whole_or_do_not_count(cache: StageCache) -> None:
    arrays = {"vectors": np.arange(6, dtype=np.float16).reshape(2, 3), "counts": np.array([1, 2])}
    cache.save_arrays("index", "k1", arrays)
    cache.save_arrays("index", "k2", arrays)
    found = cache.load_arrays("index", "k1")
    assert found is not None and found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    cache.forget("index", ["k2"])
    assert cache.load_arrays("index", "k1") is None
    file = cache.folder / "index-k2.npz"
    whole = file.read_bytes()
    for damaged in (b"", whole[:-30], whole.replace(arrays["vectors"].tobytes(), b"\0" * 12), b"x"):
        file.write_bytes(damaged)
        assert cache.load_arrays("index", "k2") is None


def test_a_table_stays_until_it_is_forgotten(cache: StageCache) -> None:
    cache.save("scored", "k1", FRAME, {})
    cache.save("scored", "k2", FRAME, {}, forget=False)
    assert cache.load("scored", "k1") is not None
    cache.forget("scored", ["k2"])
    assert cache.load("scored", "k1") is None and cache.load("scored", "k2") is not None


def test_rows_may_follow_those_of_another_key(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    frame = pl.DataFrame({"a": range(10)})
    cache.save("table", "k0", frame[:4], {"n": 0})
    for number, stop in enumerate((6, 6, 10), start=1):
        after = (f"k{number - 1}", [4, 6, 6][number - 1])
        cache.save("table", f"k{number}", frame[:stop], {"n": number}, forget=False,
                       after=after)  # fmt: skip
    cache.save("table", "other", frame, {}, forget=False)
    cache.forget("table", ["k3"])
    found = cache.load("table", "k3")
    assert found is not None and found[0].equals(frame) and found[1] == {"n": 3}
    assert cache.facts("table", "k3") == {"n": 3}
    assert cache.load("table", "other") is None
    sizes = [path.stat().st_size for path in sorted(cache.folder.glob("table-*.parquet"))]
    assert len(sizes) == 4
    (cache.folder / "table-k1.parquet").write_bytes(b"")
    assert cache.load("table", "k3") is None and cache.load("table", "k0") is not None


@pytest.mark.slow
def test_many_parts_become_one(tmp_path: Path) -> None:
    cache = StageCache(tmp_path)
    frame = pl.DataFrame({"a": range(MOST_PARTS + 2)})
    cache.save("table", "k0", frame[:1], {})
    for n in range(1, MOST_PARTS + 2):
        cache.save("table", f"k{n}", frame[: n + 1], {}, forget=False, after=(f"k{n - 1}", n))
        cache.forget("table", [f"k{n}"])
        found = cache.load("table", f"k{n}")
        assert found is not None and found[0].equals(frame[: n + 1])
    assert len(list(cache.folder.glob("table-*.parquet"))) == 2


def test_a_mapped_file_that_cannot_be_removed_is_left_for_later(
    cache: StageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.arange(6, dtype=np.int8).reshape(3, 2)
    cache.write_array("index", "k1", "vectors", 0, vectors)
    cache.save("scored", "k1", FRAME, {})
    mapped = cache.map_array("index", "k1", "vectors", np.dtype(np.int8), (3, 2))
    assert mapped is not None
    unlink = Path.unlink

    def as_on_windows(path: Path, missing_ok: bool = False) -> None:
        if path.name == "index-k1.vectors":
            raise PermissionError(13, "the file is mapped", str(path))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", as_on_windows)
        cache.forget("index", ["k2"])
    assert (mapped == vectors).all()
    cache.forget("index", ["k2"])
    assert not (cache.folder / "index-k1.vectors").exists()
