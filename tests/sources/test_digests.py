"""A file is hashed once in a run; one that was touched since is hashed again."""

from __future__ import annotations

import hashlib
import os

import pytest

from retention.sources import digests
from retention.sources.digests import KNOWN_VARIABLE, digest_of, hand_on


@pytest.fixture
def handed_on(tmp_path, monkeypatch):
    """An export whose digest was handed on, to a process that has hashed nothing itself yet."""
    export, told = tmp_path / "orders.csv", tmp_path / "digests.json"
    export.write_text("a,b\n1,2\n")
    hand_on([export, tmp_path], told)
    monkeypatch.setenv(KNOWN_VARIABLE, str(told))
    digests._digest.cache_clear()
    yield export
    digests._digest.cache_clear()


def sha256(path):
    """Return the digest by the standard library alone."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_was_handed_on_is_not_hashed_again(handed_on, monkeypatch):
    expected = sha256(handed_on)
    monkeypatch.setattr(digests, "sha256_of", lambda path: pytest.fail(f"{path} was hashed again"))

    assert digest_of(handed_on) == expected


@pytest.mark.parametrize("text", ["a,b\n1,2\n3,4\n", "a,b\n9,9\n"])
def test_a_file_that_was_touched_since_is_hashed_again(handed_on, text):
    before = handed_on.stat()
    handed_on.write_text(text)
    os.utime(handed_on, ns=(before.st_atime_ns, before.st_mtime_ns + 1))

    assert digest_of(handed_on) == sha256(handed_on)


def test_a_file_that_nobody_hashed_before_is_hashed(handed_on, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")

    assert digest_of(other) == sha256(other)


def test_a_list_that_is_gone_is_as_none(handed_on, monkeypatch, tmp_path):
    monkeypatch.setenv(KNOWN_VARIABLE, str(tmp_path / "gone.json"))

    assert digest_of(handed_on) == sha256(handed_on)
