"""Devices, CPU cores and number formats are chosen by what this process can use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dedupe.errors import ModelError
from dedupe.models import loading
from dedupe.models.loading import (
    cannot_load,
    cpu_count,
    cpu_has_bf16,
    may_have_gpu,
    pick_device,
    pick_dtype,
)


@pytest.mark.model
def test_an_unknown_device_raises_one_clear_error() -> None:
    with pytest.raises(ModelError, match="device 'quantum' cannot be used"):
        pick_device("quantum")


@pytest.mark.model
def test_a_gpu_is_looked_for_only_where_there_are_signs_of_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch

    monkeypatch.setattr(loading, "DRIVERS", (str(tmp_path / "driver"),))
    monkeypatch.setattr(loading.shutil, "which", lambda _: None)
    monkeypatch.setattr(loading.sys, "platform", "linux")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not may_have_gpu()
    assert pick_device("auto") == pick_device("cpu") == "cpu"
    (tmp_path / "driver").touch()
    assert pick_device("auto") == "cuda"
    monkeypatch.setattr(loading.sys, "platform", "darwin")
    for machine in ("arm64", "x86_64"):
        monkeypatch.setattr(loading.platform, "machine", lambda machine=machine: machine)
        assert may_have_gpu() == (machine == "arm64")


def test_the_error_of_a_failed_load_names_the_model_and_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = str(cannot_load("bi-encoder", "some/model", OSError("not found\nmore")))
    assert message.startswith("cannot load the bi-encoder 'some/model': not found (HF_HUB_OFFLINE")
    assert "more" not in message


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity here")
def test_only_the_cores_that_this_process_may_use_are_counted() -> None:
    allowed = os.sched_getaffinity(0)
    assert cpu_count() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cpu_count() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_without_cpu_affinity_all_cores_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    for cores, expected in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert cpu_count() == expected


@pytest.mark.model
@pytest.mark.parametrize("supported", [True, False])
def test_bf16_needs_avx512_and_both_checks_of_torch(
    monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    import torch

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported, raising=False)
    assert cpu_has_bf16() == supported
    assert pick_dtype("cpu") == (torch.bfloat16 if supported else torch.float32)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert not cpu_has_bf16()


@pytest.mark.model
@pytest.mark.parametrize("missing", ["_is_avx512_bf16_supported", "_is_mkldnn_bf16_supported"])
def test_where_torch_lacks_a_check_models_run_in_float32(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    import torch

    class Mkldnn:
        @staticmethod
        def _is_mkldnn_bf16_supported() -> bool:
            return True

    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(torch.ops, "mkldnn", Mkldnn())
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert cpu_has_bf16()
    monkeypatch.delattr(torch.cpu if "avx512" in missing else Mkldnn, missing)
    assert not cpu_has_bf16()
    assert pick_dtype("cpu") == torch.float32
