"""Train the balance of the bundled bi-encoder: ``python -m dedupe.learn.balance DATA_DIR``.

The bi-encoder has no weights but a few numbers: how much each kind of feature counts, how much what
is rare in the file counts for more, and how much a long field is damped. Here they are parameters
of a sentence-transformers model that makes the same vectors, and gradient descent finds them:
records of one thing are to be nearer to each other than to the records of other things that the
model itself takes for their like (multiple negatives ranking [1]_ with mined hard negatives).

Learns from the train clusters of full tables and from synthesized tables; prints the numbers, and
which share of the true pairs of valid clusters the search finds with numbers
chosen by hand and with those trained. Writes nothing: what is worth it goes into
:mod:`dedupe.spelling`. Needs the ``train`` extra.

References
----------
.. [1] M. Henderson et al., "Efficient natural language response suggestion for Smart Reply", 2017.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from sentence_transformers.base.modules import InputModule

from dedupe.config import Config
from dedupe.learn.data import cluster_parts, labelled_folders, read_full_table, table_folders
from dedupe.learn.synthesize import DOMAINS, synthesize_table
from dedupe.records import Records, make_records
from dedupe.search import search
from dedupe.spelling import (
    BUCKETS_BITS,
    DIMENSIONS,
    FIELD_DAMPING,
    RARITY_POWER,
    SPREAD,
    Characters,
    Features,
    mixed,
    trigrams,
    words,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Numbers = Mapping[str, float]
"""What is trained, by name: ``rarity_power``, ``field_damping``, weights of parts and of traits."""

PARTS = ("trigrams", "words", "bigrams", "neighbours")
"""Kinds of features, each a vector of length 1 before it is weighted: three characters of a word,
words, two characters, and two words side by side."""
TRAITS = ("beginning", "digit")
"""What some features have: they stand where a word begins; there is a digit in them."""
BEGINS, HAS_DIGIT = np.uint8(1), np.uint8(2)
"""Bits of these."""
BUNDLED: Numbers = {
    "rarity_power": RARITY_POWER,
    "field_damping": FIELD_DAMPING,
    "trigrams": 1.0,
    "words": 1.0,
    "bigrams": 0.0,
    "neighbours": 0.0,
    "beginning": 1.0,
    "digit": 1.0,
}
"""The numbers of the bundled bi-encoder, chosen by hand: what training begins with, and what it is
measured against."""
NAMES = tuple(name for name in BUNDLED if name != "trigrams")
"""Those that can be trained; the weight of trigrams is always 1."""


@dataclass(frozen=True)
class Recipe:
    """Everything that makes one set of numbers, so that they can be made again.

    Parameters
    ----------
    trained
        Names of the numbers that are trained; the others stay as they are. The weight of trigrams
        stays 1.
    rarity_power
        What training begins with; not trained, it stays so.
    first_weight
        Weight that parts begin with which count for nothing in :data:`BUNDLED`.
    most_rows
        Larger tables are left out.
    per_table, made_rows
        Pairs of records of one table at most in a round; rows of a synthesized table of each
        domain.
    searched
        Records of one table at most, beside those of the pairs, that negatives are mined from.
    rounds
        How often negatives are mined; in each round all pairs are gone through once.
    nearest, negatives
        Records of other things from among which the hard negatives of a record are drawn, and how
        many of these.
    batch, learning_rate, scale
        Of the optimisation; cosines are multiplied by `scale` before they compete.
    seed
        Of every random choice.
    """

    trained: tuple[str, ...] = ("words", "beginning", "digit", "field_damping")
    rarity_power: float = RARITY_POWER
    first_weight: float = 0.3
    most_rows: int = 12_000
    per_table: int = 150
    made_rows: int = 300
    searched: int = 4_000
    rounds: int = 2
    nearest: int = 12
    negatives: int = 4
    batch: int = 64
    learning_rate: float = 0.03
    scale: float = 20.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Table:
    """The distinct texts of one table and which are one thing.

    Parameters
    ----------
    texts
        n record texts.
    thing
        (n,) number of the thing that each is of.
    pairs
        (m, 2) text numbers of the true pairs that differ in text.
    part
        (m,) number of the part that each pair falls to: 0 train, 1 valid, 2 test.
    may_train
        (n,) bool: the text's thing is of the train part.
    """

    texts: Sequence[str]
    thing: NDArray[np.int64]
    pairs: NDArray[np.int64]
    part: NDArray[np.int64]
    may_train: NDArray[np.bool_]

    @cached_property
    def rarity(self) -> dict[str, NDArray[np.float32]]:
        """Log of how many times rarer than the texts the features of each bucket are, by part."""
        counts = {part: np.zeros(1 << BUCKETS_BITS, dtype=np.int64) for part in PARTS}
        for at in range(0, len(self.texts), _BLOCK):
            for part, read in read_parts(self.texts[at : at + _BLOCK], PARTS).items():
                counts[part] += np.bincount(read.features.bucket, minlength=1 << BUCKETS_BITS)
        share = {part: (len(self.texts) + 1) / np.maximum(n, 1) for part, n in counts.items()}
        return {part: np.maximum(np.log(s), 0).astype(np.float32) for part, s in share.items()}


TRAIN, VALID = 0, 1
"""Numbers of parts."""
_BLOCK = 2048
"""Texts embedded at a time."""
_BIGRAM = (np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x9E3779B97F4A7C15))
_SIDE = np.uint64(3)
_TURNS = np.uint64(10) * np.arange(SPREAD, dtype=np.uint64)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the balance of the bi-encoder on the full tables below a data folder."""
    parser = argparse.ArgumentParser(
        prog="python -m dedupe.learn.balance", description=main.__doc__
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=Recipe.rounds)
    parser.add_argument("--per-table", type=int, default=Recipe.per_table)
    parser.add_argument("--made-rows", type=int, default=Recipe.made_rows)
    parser.add_argument("--rarity-power", type=float, default=Recipe.rarity_power)
    parser.add_argument("--trained", nargs="*", choices=NAMES, default=Recipe.trained)
    given = parser.parse_args(arguments)
    recipe = Recipe(
        trained=tuple(given.trained),
        rarity_power=given.rarity_power,
        per_table=given.per_table,
        made_rows=given.made_rows,
        rounds=given.rounds,
        seed=given.seed,
    )
    start = time.perf_counter()
    real = read_tables(given.data, recipe)
    numbers = train_balance({**real, **made_tables(recipe)}, recipe)
    _say(f"trained after {time.perf_counter() - start:,.0f} s")
    for name, value in numbers.items():
        _say(f"{name:16} {BUNDLED[name]:.3f} -> {value:.3f}")
    _say("candidate recall of valid clusters, before and after:")
    before, after = (dict(candidate_recalls(real, some, VALID)) for some in (BUNDLED, numbers))
    for name in before:
        _say(f"{name:40} {before[name]:.3f} {after[name]:.3f}")
    _say(f"{'mean':40} {mean(before.values()):.4f} {mean(after.values()):.4f}")
    _say(f"done after {time.perf_counter() - start:,.0f} s")


def read_tables(data: Path, recipe: Recipe) -> dict[str, Table]:
    """Return the full tables below `data` that are small enough and whose pairs are not published.

    Both the train pairs and those of the other parts are in them.
    """
    away = {folder.name for folder in labelled_folders(data)}
    tables = {}
    for folder in table_folders(data):
        if folder.name in away:
            continue
        records, gold = read_full_table(folder)
        if len(records) <= recipe.most_rows:
            parts = cluster_parts(gold.labels, records.keys)
            tables[folder.relative_to(data).as_posix()] = _table(
                records, gold.labels.astype(np.int64), gold.pairs, parts
            )
    return tables


def made_tables(recipe: Recipe) -> dict[str, Table]:
    """Return a synthesized table of each domain, all of it to train on."""
    tables = {}
    for domain in DOMAINS if recipe.made_rows else ():
        made = synthesize_table(recipe.made_rows, recipe.seed, domain)
        records = make_records(pl.DataFrame(made.records).fill_null(""), Config())
        things = np.array(made.things)
        pairs = [(a, b) for a, b in _pairs_within(things).tolist() if made.label(a, b) == 1]
        tables[f"made-{domain}"] = _table(
            records, things, np.array(pairs).reshape(-1, 2), np.zeros(len(things), dtype=np.int64)
        )
    return tables


def _table(
    records: Records,
    thing: NDArray[np.int64],
    pairs: NDArray[Any] | None,
    part: NDArray[np.int64],
) -> Table:
    """Return a table of n records as one of its distinct texts."""
    numbered = pl.DataFrame({"text": records.texts}).with_row_index("row")
    first = numbered.select(pl.col("row").min().over("text"))["row"].to_numpy()
    rows, slot = np.unique(first, return_inverse=True)
    pairs = _pairs_within(thing) if pairs is None else pairs.astype(np.int64)
    return Table(
        texts=records.texts.gather(rows).to_list(),
        thing=thing[rows],
        pairs=slot[pairs],
        part=part[pairs[:, 0]],
        may_train=part[rows] == TRAIN,
    )


def _pairs_within(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every two numbers of one label, (m, 2), left < right."""
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    found = [
        np.stack([group[a], group[b]], axis=1)
        for group in groups
        if len(group) > 1
        for a, b in (np.triu_indices(len(group), 1),)
    ]
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Part:
    """Features of one kind, and the bits :data:`BEGINS` and :data:`HAS_DIGIT` of each, (m,)."""

    features: Features
    traits: NDArray[np.uint8]


def read_parts(texts: Sequence[str], parts: Sequence[str]) -> dict[str, Part]:
    """Return the features of each part in some texts."""
    characters = Characters.of(texts)
    letters, begins, in_word = characters.letters, characters.begins, characters.in_word
    digit = _digits(characters.points)
    spelled = words(characters)
    with_digit = np.bitwise_or.reduceat(np.where(in_word, digit, 0), np.flatnonzero(begins))
    found = {"words": Part(spelled, with_digit)}
    if "trigrams" in parts:
        traits = digit[:-2] | digit[1:-1] | digit[2:] | (letters[:-2] == ord(" "))
        found["trigrams"] = Part(trigrams(characters), traits[in_word[1:-1]])
    if "bigrams" in parts:
        here = in_word[:-1]
        pair = letters[:-1] * _BIGRAM[0] + letters[1:] * _BIGRAM[1]
        found["bigrams"] = Part(
            Features(characters.text[:-1][here], characters.field[:-1][here], mixed(pair[here])),
            (digit[:-1] | digit[1:] | begins[:-1])[here],
        )
    if "neighbours" in parts:
        same = spelled.field[1:] == spelled.field[:-1]
        pair = spelled.hash[:-1] * _SIDE + spelled.hash[1:]
        found["neighbours"] = Part(
            Features(spelled.text[1:][same], spelled.field[1:][same], mixed(pair[same])),
            (with_digit[:-1] | with_digit[1:])[same],
        )
    return {part: found[part] for part in parts}


def _digits(points: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return :data:`HAS_DIGIT` for each code point that is a digit, else 0."""
    distinct, inverse = np.unique(points, return_inverse=True)
    return np.array([HAS_DIGIT * chr(one).isdigit() for one in distinct], dtype=np.uint8)[inverse]


class Balanced(InputModule):
    """The bundled bi-encoder with its numbers as parameters.

    Parameters
    ----------
    tables
        By name; the prompt of a text is the name of its table.
    recipe
        Which numbers are parameters.
    numbers
        To begin with; ``None``: :data:`BUNDLED`, other parts with the recipe's first weight.
    """

    def __init__(
        self, tables: Mapping[str, Table], recipe: Recipe, numbers: Numbers | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # not typed there
        self.tables = tables
        if numbers is None:
            new = (part for part in PARTS if part in recipe.trained and not BUNDLED[part])
            first = dict.fromkeys(new, recipe.first_weight)
            numbers = {**BUNDLED, **first, "rarity_power": recipe.rarity_power}
        self.parts = tuple(part for part in PARTS if numbers[part] > 0)
        # Logarithms, so that no number changes its sign.
        self.logarithm = torch.nn.ParameterDict(
            {
                name: torch.nn.Parameter(
                    torch.tensor(value).log(), requires_grad=name in recipe.trained
                )
                for name, value in numbers.items()
                if value > 0
            }
        )

    def numbers(self) -> dict[str, float]:
        """Return the numbers as they are now."""
        found = {name: float(value.detach().exp()) for name, value in self.logarithm.items()}
        return {name: found.get(name, 0.0) for name in BUNDLED}

    def preprocess(  # type: ignore[override]  # other modules also read images and sounds
        self, inputs: list[str], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Return the features of texts of the table that `prompt` names.

        Returns
        -------
        dict
            ``sentence_embedding``: (n, 512) zeros; and of each part ``text``, ``field``,
            ``rarity``, ``beginning`` and ``digit`` (1 where a feature has the trait), (m,), and
            ``place``, ``sign``, (m, 4): where each adds its weight to which vector.
        """
        rarity = self.tables[prompt or ""].rarity
        tensors = {"sentence_embedding": torch.zeros(len(inputs), DIMENSIONS)}
        for part, read in read_parts(inputs, self.parts).items():
            found = read.features
            bits = (found.hash[:, None] >> _TURNS).astype(np.int64)
            place = found.text[:, None] * DIMENSIONS + (bits & (DIMENSIONS - 1))
            arrays = {
                "text": found.text,
                "field": found.field,
                "rarity": rarity[part][found.bucket],
                "place": place,
                "sign": np.where(bits & DIMENSIONS, 1, -1).astype(np.float32),
                "beginning": (read.traits & BEGINS > 0).astype(np.float32),
                "digit": (read.traits & HAS_DIGIT > 0).astype(np.float32),
            }
            for name, array in arrays.items():
                tensors[f"{part} {name}"] = torch.from_numpy(np.ascontiguousarray(array))
        return tensors

    def forward(self, features: dict[str, torch.Tensor], **kwargs: Any) -> dict[str, torch.Tensor]:
        """Weight and fold the features: rows of ``sentence_embedding`` get a length of 1."""
        total = features["sentence_embedding"].ravel()
        power = self.logarithm["rarity_power"].exp()
        damping = self.logarithm["field_damping"].exp()
        for part in self.parts:
            of = partial(_of_part, features, part)
            # What all texts have weighs nothing; the power of 0 has no derivative.
            weight = of("rarity").clamp(min=1e-6) ** power
            for trait in TRAITS:
                weight = weight * (self.logarithm[trait] * of(trait)).exp()
            weight = weight * _lengths(weight, of("field")).clamp(min=1e-6) ** -damping
            weight = weight / _lengths(weight, of("text")).clamp(min=1e-9)
            weight = weight * self.logarithm[part].exp()
            total = total.index_add(0, of("place").ravel(), (weight[:, None] * of("sign")).ravel())
        vectors = total.reshape(-1, DIMENSIONS)
        features["sentence_embedding"] = torch.nn.functional.normalize(vectors, dim=1, eps=1e-12)
        return features

    def get_embedding_dimension(self) -> int:
        """Return the number of dimensions of a vector."""
        return DIMENSIONS

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Refuse: the numbers are all there is to keep, and they are printed."""
        raise NotImplementedError("the balance is a few numbers, which are printed, not saved")

    def embed(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Return the vectors of texts of the table called `name`, (n, 512) float32.

        `rows` are the numbers of the texts; ``None``: all.
        """
        texts = self.tables[name].texts
        texts = texts if rows is None else [texts[row] for row in rows]
        with torch.no_grad():
            blocks = [
                self(self.preprocess(list(texts[at : at + _BLOCK]), name))["sentence_embedding"]
                for at in range(0, len(texts), _BLOCK)
            ]
        vectors: NDArray[np.float32] = torch.cat(blocks).numpy()
        return vectors


def _of_part(features: Mapping[str, torch.Tensor], part: str, name: str) -> torch.Tensor:
    return features[f"{part} {name}"]


def _lengths(weight: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """Return for each of m features the length of the vector of all with the same number."""
    size = int(of.max()) + 1 if len(of) else 0
    squares = torch.zeros(size).index_add(0, of, weight * weight)
    return (squares + 1e-30).sqrt()[of]


def train_balance(tables: Mapping[str, Table], recipe: Recipe) -> dict[str, float]:
    """Return the numbers that training on the train parts of `tables` ends with."""
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(recipe.seed)
    module = Balanced(tables, recipe)
    model = SentenceTransformer(modules=[module], device="cpu")
    for number in range(recipe.rounds):
        triples = {}
        for name in tables:
            some = mined_triples(module, name, recipe, str(number))
            if len(some) > 1:
                triples[name] = some
        _say(f"round {number + 1}: {sum(map(len, triples.values())):,} pairs")
        _descend(model, triples, recipe, number)
        _say(", ".join(f"{name} {value:.3f}" for name, value in module.numbers().items()))
    return module.numbers()


def mined_triples(module: Balanced, name: str, recipe: Recipe, salt: str) -> list[tuple[str, ...]]:
    """Return pairs of train records of a table, each with records of other things that are near.

    Parameters
    ----------
    module
        What finds them near.
    name
        Of the table.
    recipe
        How many.
    salt
        Goes into the seed of the choice.

    Returns
    -------
    list
        Tuples of a text, another of the same thing, and ``recipe.negatives`` of other things.
    """
    rng = random.Random(f"{recipe.seed} {salt} {name}")
    table = module.tables[name]
    pairs = table.pairs[(table.part == TRAIN) & (table.pairs[:, 0] != table.pairs[:, 1])]
    pairs = pairs[sorted(rng.sample(range(len(pairs)), min(len(pairs), recipe.per_table)))]
    others = np.flatnonzero(table.may_train).tolist()
    others = rng.sample(others, min(len(others), recipe.searched))
    rows = np.union1d(others, pairs.ravel())
    thing = table.thing[rows]
    vectors = module.embed(name, rows)
    triples: list[tuple[str, ...]] = []
    places: NDArray[np.int64] = np.searchsorted(rows, pairs)
    for pair in places.tolist():
        anchor, positive = pair if rng.random() < 0.5 else pair[::-1]
        cosine = vectors @ vectors[anchor]
        cosine[thing == thing[anchor]] = -2
        near = np.argsort(-cosine, kind="stable")[: recipe.nearest]
        near = near[thing[near] != thing[anchor]]
        if len(near) >= recipe.negatives:
            drawn = rng.sample(near.tolist(), recipe.negatives)
            triples.append(tuple(table.texts[rows[at]] for at in (anchor, positive, *drawn)))
    return triples


def _descend(
    model: SentenceTransformer,
    triples: Mapping[str, Sequence[tuple[str, ...]]],
    recipe: Recipe,
    number: int,
) -> None:
    """Go through the triples once; a batch is of one table."""
    from datasets import Dataset, DatasetDict
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    columns = ("anchor", "positive", *(f"negative_{n}" for n in range(recipe.negatives)))
    dataset = DatasetDict(
        {
            name: Dataset.from_dict(
                dict(zip(columns, map(list, zip(*some, strict=True)), strict=True))
            )
            for name, some in triples.items()
        }
    )

    class Trainer(SentenceTransformerTrainer):
        """Writes no model card: it would read every text once more."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            pass

    with TemporaryDirectory() as scratch:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            num_train_epochs=1,
            per_device_train_batch_size=recipe.batch,
            learning_rate=recipe.learning_rate / (number + 1),
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            use_cpu=True,
            seed=recipe.seed + number,
            data_seed=recipe.seed + number,
            prompts={name: name for name in triples},
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="epoch",
        )
        Trainer(
            model=model,
            args=arguments,
            train_dataset=dataset,
            loss=MultipleNegativesRankingLoss(model, scale=recipe.scale),
        ).train()


def candidate_recalls(
    tables: Mapping[str, Table], numbers: Numbers, part: int
) -> Iterator[tuple[str, float]]:
    """Yield the share of each table's true pairs of one part that the search finds, by table.

    Tables without a pair of that part are left out.
    """
    module = Balanced(tables, Recipe(), numbers)
    for name, table in tables.items():
        due = table.pairs[table.part == part]
        if len(due):
            found = search(module.embed(name), Config()).pairs
            left, right = (found[side].to_numpy().astype(np.int64) for side in ("left", "right"))
            keys = np.sort(due, axis=1) @ np.array([len(table.texts), 1])
            hit = np.isin(keys, left * len(table.texts) + right) | (due[:, 0] == due[:, 1])
            yield name, float(hit.mean())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
