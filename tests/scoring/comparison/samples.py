"""Small files of records that the tests of comparison share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
from hypothesis import strategies as st

from dedupe.records.records import record_text
from dedupe.scoring.comparison.record_table import RecordTable
from dedupe.scoring.comparison.scales import Bytes
from dedupe.scoring.comparison.vectors import comparison_vectors, feature_names

NAMES = st.sampled_from(["anna", "red", "ann", "bob", "müller", "mueller", "東京"])
PLAIN = st.lists(NAMES, min_size=1, max_size=3).map(" ".join)
WORDS = st.sampled_from(
    ["anna", "jr", "acme ltd", "red", "x", "qx-300", "qx300", "qx 300", "250 ml", "0.25 l",
     "vol 2", "7"]
)  # fmt: skip
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
VALUES = {
    "name": PHRASES,
    "given": NAMES,
    "family": st.sampled_from(["lee", "leigh", "müller jr", "mueller junior"]),
    "brand": PLAIN,
    "street": st.sampled_from(["12 high st", "12a high street", "3/12 high st", "5 hauptstr."]),
    "city": st.sampled_from(["paris", "rome", "st louis", "unknown"]),
    "phone": st.sampled_from(["030 1234567", "+49 30 1234567", "030 7654321", "0000000000"]),
    "email": st.sampled_from(["ann@firma.de", "bob@firma.de", "test@test.com"]),
    "born": st.sampled_from(["1958-01-21", "21.1.1958", "1958-12-01", "1960-01-21", "1958"]),
    "price": st.sampled_from(["3.50", "3,5", "12"]),
    "sku": st.sampled_from(["qx-300", "qx300", "t500a"]),
    "alpha": NAMES,
    "beta": PLAIN,
    "gamma": st.sampled_from(["1", "2.5", "40"]),
    "delta": st.sampled_from(["7", "8"]),
    "notes": PHRASES,
}
"""Values of fields of every role, and of four fields without one."""
RECORDS = st.lists(st.fixed_dictionaries({}, optional=VALUES), min_size=2, max_size=8)
"""Files of a few records; a record may be empty, and may equal another one."""


def texts_of(records: Iterable[Mapping[str, str]]) -> pl.Series:
    """Make the record texts of records, in their order."""
    texts = [record_text(record.items()) for record in records]
    return pl.Series("text", texts, dtype=pl.String)


def ends(pairs: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the left and the right rows of pairs."""
    left, right = np.array(pairs, dtype=np.uint32).reshape(-1, 2).T
    return left, right


def all_pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pair all records, each with itself as well."""
    left, right = np.triu_indices(n)
    return left.astype(np.uint32), right.astype(np.uint32)


def vectors_of(table: RecordTable, left: np.ndarray, right: np.ndarray) -> Bytes:
    """Compare pairs of records whose embeddings are equally similar."""
    return comparison_vectors(table, left, right, np.full(len(left), 0.5, dtype=np.float32))


def features_of(vectors: Bytes) -> list[dict[str, int]]:
    """Return the features of each vector by name."""
    return [dict(zip(feature_names(), row, strict=True)) for row in vectors.tolist()]
