"""Compiled kernels are kept in a folder of their sources, found again, and dropped when nobody wants them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from townlet_core.world import kernel

DAY = 86_400


def test_the_folder_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    hashed = kernel.source_hash()
    assert kernel.cache_folder() == tmp_path / "numba" / "townlet" / "kernels" / hashed
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert kernel.cache_folder() == tmp_path / "xdg" / "townlet" / "kernels" / hashed
    assert kernel.cache_folder().is_dir()


def test_where_nothing_can_be_written_it_lies_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert kernel.cache_folder().name == kernel.source_hash()
    assert tmp_path not in kernel.cache_folder().parents


@pytest.mark.parametrize("lies", ["nowhere", "as we left it", "open to others", "a link", "a file"])
def test_the_temporary_folder_is_one_that_nobody_else_can_put_code_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    usual = tmp_path / f"townlet-kernels-{os.getuid()}"
    if lies == "a link":
        usual.symlink_to(tmp_path, target_is_directory=True)
    elif lies == "a file":
        usual.touch(0o700)
    elif lies != "nowhere":
        usual.mkdir(0o700)
        usual.chmod(0o777 if lies == "open to others" else 0o700)
    folder = kernel.private_folder()
    assert (folder == usual) == (lies in ("nowhere", "as we left it"))
    assert folder.parent == tmp_path
    assert folder.lstat().st_mode == stat.S_IFDIR | 0o700


def test_who_has_no_home_has_the_folder_among_temporary_files(tmp_path: Path) -> None:
    """A user without an entry in the list of users, as in a container, has no home to look for."""
    script = (
        "import pathlib, os, pwd\n"
        "def nobody(*_): raise KeyError('no such user')\n"
        "pwd.getpwuid = nobody\n"
        "from townlet_core.world import kernel\n"
        "print(kernel.cache_folder())"
    )
    homes = ("HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    variables = {name: value for name, value in os.environ.items() if name not in homes} | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == tmp_path / f"townlet-kernels-{os.getuid()}"


def test_the_hash_changes_with_any_source_that_kernels_are_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("config", "world", "policy", "rollout"):
        shutil.copytree(kernel.PACKAGE / part, tmp_path / part)
    monkeypatch.setattr(kernel, "PACKAGE", tmp_path)
    hashes = [kernel.source_hash()]
    for file in ("world/rules/needs.py", "policy/scripted.py", "rollout/collect.py", "config/expression.py"):
        with (tmp_path / file).open("a") as source:
            source.write("# another constant\n")
        hashes.append(kernel.source_hash())
    assert len(set(hashes)) == 5
    (tmp_path / "rollout" / "capture.py").write_text("")
    assert kernel.source_hash() == hashes[-1]


def test_kernels_that_nobody_used_for_a_month_are_dropped(tmp_path: Path) -> None:
    for name, age in (("old", 31), ("young", 29)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "machine_code.nbi").write_text("")
        os.utime(tmp_path / name, (time.time() - age * DAY,) * 2)
    kernel.drop_old_kernels(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == ["young"]


@pytest.mark.parametrize(("plain", "record"), [("0", "void"), ("1", "record")])
def test_records_can_be_read_by_name_where_kernels_run_as_plain_python(plain: str, record: str) -> None:
    script = (
        "import numpy as np; from townlet_core.world.kernel import records;"
        "print(type(records(np.zeros(1, [('x', 'i2')]))[0]).__name__)"
    )
    variables = {**os.environ, "NUMBA_DISABLE_JIT": plain}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == f"{record}\n"
