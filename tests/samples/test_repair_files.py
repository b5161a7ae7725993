"""Repairing where files stand that are none of the capture's, or lie elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.samples.captures import write_capture
from tests.samples.test_repair import check_repaired
from townlet_core.errors import SampleError
from townlet_core.samples.repair import repair


def test_what_an_earlier_repair_has_set_aside_stays(tmp_path: Path) -> None:
    write_capture(tmp_path)
    for text in ("first", "second"):
        (tmp_path / "day_metrics.json").write_text(text)
        report = repair(tmp_path)
    assert report.set_aside == ("day_metrics.json.damaged-2",)
    assert (tmp_path / "day_metrics.json.damaged").read_text() == "first"
    assert (tmp_path / "day_metrics.json.damaged-2").read_text() == "second"


def test_a_manifest_that_lies_elsewhere_is_put_into_the_folder(tmp_path: Path) -> None:
    """Its contents are those of the seal, so nothing of it is lost."""
    write_capture(tmp_path / "out")
    before = json.loads((tmp_path / "out" / "day_manifest.json").read_text())
    os.rename(tmp_path / "out" / "day_manifest.json", tmp_path / "elsewhere.json")
    (tmp_path / "out" / "day_manifest.json").symlink_to(tmp_path / "elsewhere.json")
    report = repair(tmp_path / "out")
    assert (report.outcome, report.rebuilt, report.set_aside) == ("rebuilt", ("day_manifest.json",), ())
    now = json.loads((tmp_path / "out" / "day_manifest.json").read_text())
    assert {key for key in now["metadata"] if now["metadata"][key] != before["metadata"][key]} == {"repair"}
    assert not (tmp_path / "out" / "day_manifest.json").is_symlink()
    check_repaired(tmp_path / "out", report)


@pytest.mark.parametrize("name", ["day_manifest.json", "day_metrics.json"])
def test_a_folder_with_the_name_of_a_file_is_in_the_way(tmp_path: Path, name: str) -> None:
    write_capture(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(SampleError, match=rf"{name}: is not a file\nhint: move it away and repair again"):
        repair(tmp_path)
