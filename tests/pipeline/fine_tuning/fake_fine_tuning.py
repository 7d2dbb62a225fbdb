"""A stand-in for fine-tuning, which trains nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dedupe.pipeline.fine_tuning.finetune import Example, FineTuning


class Model:
    """Stands for a cross-encoder: all that it has to do is to be saved."""

    saved = 0

    def save_pretrained(self, folder: str, create_model_card: bool) -> None:
        Model.saved += 1
        Path(folder).mkdir(parents=True)
        (Path(folder) / "model.safetensors").write_text(str(Model.saved))
        (Path(folder) / "config.json").write_text("{}")


@dataclass
class FakeFineTuning:
    """Stands in for fine-tuning and records its arguments."""

    right: bool = True
    decided: list[list[Example]] = field(default_factory=list)
    models: list[Path] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)

    def __call__(
        self, folder: Path, decided: list[Example], replay: list[Example], *, seed: int, **_: object
    ) -> tuple[Model, FineTuning, np.ndarray]:
        self.decided.append(decided)
        self.models.append(folder)
        self.seeds.append(seed)
        chance = np.array([example.probability for example in decided])
        rng = np.random.default_rng(0)
        logits = np.where(chance > 0.5, 3.0, -3.0) if self.right else rng.normal(0, 3, len(chance))
        training = FineTuning(len(decided), 1.0, 0.7, 0.1, 0.5, 0.9)
        return Model(), training, logits
