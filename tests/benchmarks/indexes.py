"""Candidate search by several indexes: ``python -m tests.benchmarks.indexes TABLE --id COLUMN``.

Embeds the distinct texts of a table, and finds the neighbours of all of them with

- ``inverted index``: what a run uses above 50,000 texts: pairs that share rare features, of which
  those with a high cosine are kept;
- ``FAISS flat``: all pairs, exactly;
- ``FAISS cells``: an inverted file of FAISS whose lists are the rarest shared features of each
  text, given from outside, with 8-bit codes; a text is in as many lists as it has features;
- ``FAISS IVF``: lists of k-means, with half precision;
- ``FAISS HNSW``: a graph, with 8-bit codes.

Each is a process of its own. Prints seconds, peak memory beyond the embedded texts, and the share
of the exact 10 nearest of 512 texts that it found. ``--only`` selects some. ``--times K`` makes the
table K times as large, by further rows whose values are those of others, column by column.

``--storage`` measures instead how long it takes to add the last hundredth of the texts to a saved
index: at the end of its files, and by reading, extending and writing an index of FAISS with the
same 8-bit codes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dedupe.blocking.backends import inverted_hits, load_faiss
from dedupe.blocking.embedding.bi_encoder import embed, shared_features
from dedupe.blocking.embedding.int8 import Int8Vectors
from dedupe.blocking.index import Index
from dedupe.blocking.sampling import NEIGHBOURS, NO_NEIGHBOUR, NeighbourSample
from dedupe.config import Config
from dedupe.pipeline.stages import peak_mb
from dedupe.progress import silent
from dedupe.records.records import make_records
from dedupe.scoring.pairs import identical_pairs
from dedupe.workspace.stage_cache import StageCache
from tests.benchmarks.common import print_head, print_row

CELLS = 8
"""Lists of a text in ``FAISS cells``: its rarest features that another text has."""
BLOCK = 4096
Found = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Rows and their neighbours, block by block."""


def inverted(vectors: Int8Vectors, rare: csr_array, radius: float) -> Found:
    for row, other, _ in inverted_hits(vectors, rare, radius, silent):
        yield row, other


def flat(vectors: Int8Vectors, rare: csr_array, radius: float) -> Found:
    index = load_faiss().IndexFlatIP(vectors.shape[1])
    return _nearest(index, vectors)


def hnsw(vectors: Int8Vectors, rare: csr_array, radius: float) -> Found:
    faiss = load_faiss()
    d, inner = vectors.shape[1], faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexHNSWSQ(d, faiss.ScalarQuantizer.QT_8bit, 16, inner)
    index.hnsw.efConstruction, index.hnsw.efSearch = 40, 64
    index.train(vectors[:BLOCK])
    return _nearest(index, vectors)


def ivf(vectors: Int8Vectors, rare: csr_array, radius: float) -> Found:
    faiss = load_faiss()
    n, d = vectors.shape
    lists = int(4 * np.sqrt(n))
    half, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(d), d, lists, half, inner, False)
    index.cp.niter, index.cp.spherical, index.nprobe = 10, True, 16
    index.train(vectors[np.sort(np.random.default_rng(0).permutation(n)[: 48 * lists])])
    return _nearest(index, vectors)


def cells(vectors: Int8Vectors, rare: csr_array, radius: float) -> Found:
    from faiss.contrib.ivf_tools import add_preassigned, search_preassigned

    faiss = load_faiss()
    n, d = vectors.shape
    per_text = np.diff(rare.indptr)
    place = np.arange(rare.nnz) - np.repeat(rare.indptr[:-1], per_text)
    kept = place < CELLS
    text = np.repeat(np.arange(n), per_text)[kept]
    _, cell = np.unique(rare.indices[kept], return_inverse=True)
    code, inner = faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    lists = int(cell.max()) + 1
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(d), d, lists, code, inner, False)
    index.sq.train(np.ascontiguousarray(vectors[:BLOCK]))
    index.is_trained, index.nprobe = True, CELLS
    for at in range(0, len(text), BLOCK):
        some = slice(at, at + BLOCK)
        add_preassigned(index, vectors[text[some]], cell[some].astype(np.int64), text[some])
    asked = np.full((n, CELLS), -1, dtype=np.int64)
    asked[text, place[kept]] = cell
    k = 8 * NEIGHBOURS  # a text is found once in each list that it shares
    for at in range(0, n, BLOCK):
        block = vectors[at : at + BLOCK]
        _, found = search_preassigned(index, block, k, asked[at : at + BLOCK])
        yield np.repeat(at + np.arange(len(block)), k), found.ravel()


def _nearest(index: Any, vectors: Int8Vectors) -> Found:
    for at in range(0, len(vectors), BLOCK):
        index.add(vectors[at : at + BLOCK])
    for at in range(0, len(vectors), BLOCK):
        block = vectors[at : at + BLOCK]
        _, found = index.search(block, NEIGHBOURS + 1)
        yield np.repeat(at + np.arange(len(block)), NEIGHBOURS + 1), found.ravel()


INDEXES: dict[str, Callable[[Int8Vectors, csr_array, float], Found]] = {
    "inverted index": inverted,
    "FAISS flat": flat,
    "FAISS cells": cells,
    "FAISS IVF": ivf,
    "FAISS HNSW": hnsw,
}


def enlarged(frame: pl.DataFrame, ids: str, times: int) -> pl.DataFrame:
    """Add rows in which each value is that of another row, until there are `times` as many."""
    frames = [frame]
    for seed in range(1, times):
        columns = [column.shuffle(seed + number) for number, column in enumerate(frame)]
        frames.append(pl.DataFrame(columns).with_columns(f"{seed}-" + pl.col(ids)))
    return pl.concat(frames)


def distinct_texts(table: str, ids: str, times: int) -> list[str]:
    """Read a table, and return its distinct record texts."""
    frame = pl.read_csv(table, infer_schema=False).fill_null("")
    frame = enlarged(frame, ids, times)
    records = make_records(frame, Config(id=ids))
    return records.texts.gather(identical_pairs(records.texts)[0]).to_list()


def measure_storage(table: str, ids: str, times: int) -> None:
    """Add the last hundredth of the texts of a table to a saved index, and print the seconds."""
    faiss = load_faiss()
    texts = distinct_texts(table, ids, times)
    cut = len(texts) - len(texts) // 100
    built = Index.build(texts[:cut], Config())
    more = embed(built.encoder, texts[cut:])
    print_head("storage", "texts", "MB", "seconds")
    with tempfile.TemporaryDirectory() as folder:
        store = StageCache(Path(folder))
        index = built.save(store, "k")
        start = time.perf_counter()
        index.add(texts[cut:], store)
        seconds = time.perf_counter() - start
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
        print_row(
            "files that grow at their end", f"{len(texts):,}", f"{size:.0f}", f"{seconds:.2f}"
        )
        file = str(Path(folder) / "index.faiss")
        d, code = more.shape[1], faiss.ScalarQuantizer.QT_8bit
        codes = faiss.IndexScalarQuantizer(d, code, faiss.METRIC_INNER_PRODUCT)
        codes.train(built.vectors[:BLOCK])
        for at in range(0, cut, BLOCK):
            codes.add(built.vectors[at : at + BLOCK])
        faiss.write_index(codes, file)
        start = time.perf_counter()
        codes = faiss.read_index(file)
        codes.add(more)
        faiss.write_index(codes, f"{file}.new")
        with Path(f"{file}.new").open("rb") as written:
            os.fsync(written.fileno())
        seconds = time.perf_counter() - start
        size = Path(f"{file}.new").stat().st_size / 1e6
    print_row("FAISS, vectors only", f"{len(texts):,}", f"{size:.0f}", f"{seconds:.2f}")


def measure(name: str, table: str, ids: str, times: int) -> dict[str, float]:
    """Search the neighbours of the texts of a table with one index."""
    distinct = distinct_texts(table, ids, times)
    embedded = Index.build(distinct, Config())
    rare = shared_features(embedded.encoder, embedded.rare)
    if rare is None or not isinstance(embedded.vectors, Int8Vectors):
        raise SystemExit("give a table of over 50,000 different texts")
    sample = NeighbourSample.draw(embedded.vectors, 0, None)
    near = sample.similarity[:, :NEIGHBOURS]
    radius = float(np.quantile(near[near > NO_NEIGHBOUR], 0.2))
    wanted = sample.nearest[:, :NEIGHBOURS][near >= radius]
    asked = np.repeat(sample.rows, (near >= radius).sum(axis=1))
    sampled = np.zeros(len(distinct), dtype=bool)
    sampled[sample.rows] = True
    before, start, seen = peak_mb(), time.perf_counter(), []
    for row, other in INDEXES[name](embedded.vectors, rare, radius):
        known = (other >= 0) & (sampled[row] | sampled[np.maximum(other, 0)])
        seen.append(np.stack([row[known], other[known]]))
    seconds, peak = time.perf_counter() - start, peak_mb() - before
    row, other = np.concatenate(seen, axis=1)
    found = set(zip(row.tolist(), other.tolist(), strict=True))
    there = [
        (a, b) in found or (b, a) in found
        for a, b in zip(asked.tolist(), wanted.tolist(), strict=True)
    ]
    return {"texts": len(distinct), "seconds": seconds, "mb": peak, "recall": float(np.mean(there))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--id", default="id")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(INDEXES), choices=list(INDEXES))
    parser.add_argument("--storage", action="store_true")
    parser.add_argument("--one", choices=list(INDEXES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.table, given.id, given.times)))
        return
    if given.storage:
        measure_storage(given.table, given.id, given.times)
        return
    print_head("index", "texts", "seconds", "MB", "exact neighbours found")
    for name in given.only:
        more = ["--id", given.id, "--times", str(given.times)]
        command = [sys.executable, "-m", __spec__.name, given.table, *more]
        done = subprocess.run([*command, "--one", name], capture_output=True, text=True)
        if done.returncode:
            print_row(name, "", "", "", done.stderr.strip().splitlines()[-1])
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        print_row(
            name,
            f"{found['texts']:,}",
            f"{found['seconds']:.1f}",
            f"{found['mb']:.0f}",
            f"{found['recall']:.3f}",
        )


if __name__ == "__main__":
    main()
