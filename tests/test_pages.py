import ctypes
import platform
import resource
from pathlib import Path

import numpy as np
import pytest

import dedupe.pages
from dedupe.pages import pages_kept

GLIBC = platform.libc_ver()[0] == "glibc"


def fresh_pages(blocks: int, size: int) -> int:
    """Return the page faults of taking, filling and freeing blocks one after another."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(blocks):
        np.ones(size, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not GLIBC, reason="there is no glibc to be told")
def test_blocks_taken_again_need_no_fresh_pages():
    size = 3 << 20  # below the size from which numpy asks for huge pages
    usual = fresh_pages(50, size)
    with pages_kept():
        fresh_pages(1, size)
        kept = fresh_pages(50, size)
    assert kept < usual / 5


@pytest.mark.skipif(not GLIBC, reason="there is no glibc to be told")
def test_what_was_kept_is_given_back_at_the_end():
    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()

    with pages_kept():
        blocks = [np.ones(3 << 20, dtype=np.uint8) for _ in range(80)]
        del blocks
        inside = resident()
    assert inside - resident() > 120 << 20


def test_nothing_happens_without_glibc(monkeypatch):
    class Other:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Other())
    with pages_kept():
        pass
    assert dedupe.pages._glibc() is None


def test_what_the_environment_says_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    assert dedupe.pages._glibc() is None


def test_a_system_without_a_c_library_by_itself_is_no_fault(monkeypatch):
    def missing(_):
        raise TypeError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pages_kept():
        pass
