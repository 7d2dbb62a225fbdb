"""Files of an index, which grow at their end.

The facts of an index hold the length of each file and a checksum up to there. Bytes past that
length are ignored, so an interrupted addition leaves nothing to clean up, and facts from before an
addition still open the index as it was.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import Vectors, unit_rows
from dedupe.blocking.embedding.features import COLUMNS
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.neighbours import NAME_DIMENSIONS

STAGE = "index"
WHOLE, NAMES, SEMANTIC = "", "names_", "semantic_"
"""Beginnings of the names of the files of whole texts, of the naming field, and of a second
bi-encoder."""
_DTYPES = {
    **{f"{of}vectors": np.int8 for of in (WHOLE, NAMES, SEMANTIC)},
    **{f"{of}scale": np.float32 for of in (WHOLE, NAMES, SEMANTIC)},
    "counts": np.uint8,
    "columns": np.int32,
    "values": np.float32,
}
"""Arrays: vectors and their scales; for rare features the number per text, and the columns and
values, text after text."""
_PER_FEATURE = ("columns", "values")
_WRITE_BLOCK = 1 << 16


class ArrayStore(Protocol):
    """Stores arrays under the name of a stage and a key, as a workspace does."""

    def save_arrays(self, stage: str, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write arrays to one file."""

    def load_arrays(self, stage: str, key: str) -> dict[str, NDArray[Any]] | None:
        """Load arrays; ``None`` if they are missing or damaged."""

    def write_array(self, stage: str, key: str, name: str, at: int, array: NDArray[Any]) -> None:
        """Write rows of an array from row `at` on."""

    def map_array(
        self, stage: str, key: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any] | None:
        """Map the first rows of an array for reading; ``None`` if it has fewer."""


def no_files(key: str, dimensions: int, semantic_dimensions: int) -> dict[str, Any]:
    """Describe the files of an index without texts.

    Returns
    -------
    dict
        ``key``, ``rows`` and ``features`` (numbers of texts and of their rare features),
        ``dimensions`` and ``semantic_dimensions`` (0 without a second bi-encoder), and
        ``checksums`` by name.
    """
    return {
        "key": key,
        "rows": 0,
        "features": 0,
        "dimensions": dimensions,
        "semantic_dimensions": semantic_dimensions,
        "checksums": {},
    }


def append(
    store: ArrayStore,
    facts: Mapping[str, Any],
    vectors: Mapping[str, Vectors],
    rare: csr_array | None,
) -> dict[str, Any]:
    """Append m texts to the files that `facts` describe, and return the facts of all texts.

    Parameters
    ----------
    store
        Where the files are.
    facts
        Facts of the index.
    vectors
        (m, .) vectors: of whole texts, and of what else the index holds.
    rare
        (m, f) rare features, if it holds such.
    """
    checksums = dict(facts["checksums"])
    rows, features = facts["rows"], facts["features"]
    end = {name: features if name in _PER_FEATURE else rows for name in _DTYPES}

    def write(name: str, array: NDArray[Any]) -> None:
        array = np.ascontiguousarray(array, dtype=_DTYPES[name])
        store.write_array(STAGE, facts["key"], name, end[name], array)
        checksums[name] = zlib.crc32(array.data, checksums.get(name, 0))
        end[name] += len(array)

    for of, some in vectors.items():
        for start in range(0, len(some), _WRITE_BLOCK):
            part = slice(start, start + _WRITE_BLOCK)
            if isinstance(some, Int8Vectors):
                block = Int8Vectors(some.values[part], some.scale[part])
            else:
                block = Int8Vectors.of(some[part])
            write(f"{of}vectors", block.values)
            write(f"{of}scale", block.scale)
    if rare is not None:
        rare = unit_rows(rare)
        write("counts", np.diff(rare.indptr))
        write("columns", rare.indices)
        write("values", rare.data)
    return {**facts, "rows": end["vectors"], "features": end["columns"], "checksums": checksums}


def open_files(
    store: ArrayStore, facts: Mapping[str, Any], *, check: bool = True
) -> tuple[dict[str, Int8Vectors], csr_array | None] | None:
    """Map the files of an index into memory.

    Parameters
    ----------
    store, facts
        As for :func:`append`.
    check
        Compare the files with their checksums.

    Returns
    -------
    tuple or None
        Vectors as in :func:`append`, and rare features in rows of length 1; ``None`` if a file is
        missing, too short, or fails its checksum.
    """
    arrays: dict[str, NDArray[Any]] = {}
    dimensions = {
        f"{WHOLE}vectors": facts["dimensions"],
        f"{NAMES}vectors": NAME_DIMENSIONS,
        f"{SEMANTIC}vectors": facts["semantic_dimensions"],
    }
    for name, checksum in facts["checksums"].items():
        size = facts["features"] if name in _PER_FEATURE else facts["rows"]
        shape = (size, dimensions[name]) if name in dimensions else (size,)
        array = store.map_array(STAGE, facts["key"], name, np.dtype(_DTYPES[name]), shape)
        if array is None or (check and zlib.crc32(array.data) != checksum):
            return None
        arrays[name] = array
    vectors = {
        of: Int8Vectors(arrays[f"{of}vectors"], arrays[f"{of}scale"])
        for of in (WHOLE, NAMES, SEMANTIC)
        if f"{of}vectors" in arrays
    }
    if "counts" not in arrays:
        return vectors, None
    starts = np.concatenate([[0], np.cumsum(arrays["counts"], dtype=np.int32)])
    if starts[-1] != facts["features"]:
        return None
    shape = (facts["rows"], COLUMNS)
    return vectors, csr_array((arrays["values"], arrays["columns"], starts), shape=shape)
