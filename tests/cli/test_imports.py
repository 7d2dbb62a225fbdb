"""Which libraries are loaded when, and which names are public."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dedupe
from dedupe.models.loading import may_have_gpu

HEAVY = (
    "torch", "faiss", "textual", "transformers", "sentence_transformers", "polars", "scipy",
    "sklearn", "rich", "onnxruntime",
)  # fmt: skip
"""Libraries that take long to import."""
NETWORKS = {"torch", "transformers", "sentence_transformers", "sklearn", "onnxruntime"}
"""Those that compute a network, or train one; in ordinary runs, ONNX Runtime does."""
MODELS = {*NETWORKS, "faiss", "textual"}
SAMPLES = Path(__file__).parent.parent.parent / "samples"


def loaded_by(code: str, cwd: Path | None = None) -> set[str]:
    """Run code in a process, and get the heavy libraries that it loads."""
    probe = f"""
import json, sys
try:
    {code}
finally:
    print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=cwd, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import dedupe",
        "import dedupe.cli",
        "from dedupe.cli import main; main(['--help'])",
        "from dedupe.cli import main; main(['run', '--help'])",
        "from dedupe.cli import main; main(['completion', 'bash'])",
    ],
)
def test_no_heavy_library_is_loaded_for_imports_and_help(code: str) -> None:
    assert loaded_by(code) == set()


def test_a_cached_run_loads_no_model(run_folder: Path) -> None:
    code = "from dedupe.cli import main; main(['run', 'people.csv', '--json'])"
    assert loaded_by(code, cwd=run_folder) & MODELS == set()


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    """A folder with the first rows of a sample."""
    lines = (SAMPLES / "contacts.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "contacts.csv").write_text("".join(lines[:201]), encoding="utf-8")
    return tmp_path


@pytest.mark.model
@pytest.mark.parametrize("more", ["", ", '--dry-run'"])
def test_a_fast_run_loads_no_network(contacts: Path, more: str) -> None:
    code = f"from dedupe.cli import main; main(['run', 'contacts.csv', '--fast'{more}])"
    assert loaded_by(code, cwd=contacts) & NETWORKS == set()
    assert (contacts / "contacts.dedupe/merged.csv").exists() == (not more)


@pytest.mark.model
def test_a_dry_run_loads_no_network(contacts: Path) -> None:
    code = "from dedupe.cli import main; main(['run', 'contacts.csv', '--dry-run'])"
    assert loaded_by(code, cwd=contacts) & NETWORKS == set()


@pytest.mark.model
@pytest.mark.skipif(may_have_gpu(), reason="on a GPU, torch computes the cross-encoder")
def test_a_default_run_loads_no_torch(contacts: Path) -> None:
    code = "from dedupe.cli import main; main(['run', 'contacts.csv'])"
    loaded = loaded_by(code, cwd=contacts)
    assert loaded & NETWORKS == {"onnxruntime"}
    manifest = json.loads((contacts / "contacts.dedupe/manifest.json").read_text("utf-8"))
    assert manifest["cross_encoder"]["judged"] > 0


@pytest.mark.model
@pytest.mark.parametrize("command", ["add", "export"])
def test_what_follows_a_fast_run_loads_no_network(contacts: Path, command: str) -> None:
    dedupe.run(contacts / "contacts.csv", effort="fast")
    lines = (SAMPLES / "contacts.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (contacts / "new.csv").write_text("".join([lines[0], *lines[201:220]]), encoding="utf-8")
    arguments = {"add": ["new.csv"], "export": ["--threshold", "0.4"]}[command]
    code = f"from dedupe.cli import main; main([{command!r}, 'contacts.dedupe', *{arguments!r}])"
    assert loaded_by(code, cwd=contacts) & NETWORKS == set()


def test_public_names_are_the_listed_ones() -> None:
    for name in dedupe.__all__:
        assert getattr(dedupe, name) is not None
    assert dir(dedupe) == sorted(dedupe.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'unknown_name'"):
        _ = dedupe.unknown_name
