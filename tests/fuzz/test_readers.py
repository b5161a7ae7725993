"""Whatever is in a file: its reader reads it, or refuses it by an error of ours."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutating import spoilt_bytes, spoilt_json
from tests.fuzz.readers import READERS, Reader
from townlet_core.errors import TownletError

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSONS = [name for name, reader in READERS.items() if reader.is_json]


@pytest.fixture
def valid(name: str, tmp_path: Path) -> Path:
    return READERS[name].valid(tmp_path)


def read(reader: Reader, path: Path, data: bytes) -> None:
    """Put data into a file and read it: what comes out that is not ours fails the test."""
    path.write_bytes(data)
    with suppress(TownletError):
        reader.read(path)


@pytest.mark.parametrize("name", READERS)
def test_a_valid_file_is_read(name: str, valid: Path) -> None:
    READERS[name].read(valid)


@pytest.mark.parametrize("name", READERS)
def test_a_file_with_spoilt_bytes_is_read_or_refused(name: str, valid: Path) -> None:
    whole = valid.read_bytes()

    @EXAMPLES
    @given(spoilt_bytes(whole))
    def check(data: bytes) -> None:
        read(READERS[name], valid, data)

    check()


@pytest.mark.parametrize("name", JSONS)
def test_a_file_with_other_values_is_read_or_refused(name: str, valid: Path) -> None:
    whole = valid.read_bytes()

    @EXAMPLES
    @given(spoilt_json(whole))
    def check(data: bytes) -> None:
        read(READERS[name], valid, data)

    check()


@pytest.mark.parametrize("name", READERS)
def test_a_file_of_anything_is_read_or_refused(name: str, valid: Path) -> None:
    @settings(EXAMPLES, max_examples=30)
    @given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
    def check(data: bytes) -> None:
        read(READERS[name], valid, data)

    check()
