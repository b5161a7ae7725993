"""Where a capture comes from: versions, and the commit of a clone however it was checked out."""

from __future__ import annotations

from pathlib import Path

import pytest

from townlet_core.samples.provenance import git_commit, version_of, versions

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def package_in(root: Path) -> Path:
    """Make a place for the package as it stands in a clone."""
    package = root / "src" / "townlet_core"
    package.mkdir(parents=True)
    return package


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": f"{COMMIT}\n"}, id="a branch"),
        pytest.param({".git/HEAD": f"{COMMIT}\n"}, id="no branch"),
        pytest.param(
            {".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n"},
            id="a packed branch",
        ),
        pytest.param(
            {
                ".git": "gitdir: store/worktrees/a\n",
                "store/worktrees/a/HEAD": "ref: refs/heads/topic\n",
                "store/worktrees/a/commondir": "../..\n",
                "store/refs/heads/topic": f"{COMMIT}\n",
            },
            id="a second work tree",
        ),
    ],
)
def test_the_commit_of_a_clone_is_known(tmp_path: Path, files: dict[str, str]) -> None:
    package = package_in(tmp_path)
    for name, text in files.items():
        write(tmp_path / name, text)
    assert git_commit(package) == COMMIT


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="no clone"),
        pytest.param({".git/HEAD": "ref: refs/heads/main\n"}, id="no commit yet"),
        pytest.param({".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": "# none\n"}, id="another branch"),
        pytest.param({".git/HEAD": "something else\n"}, id="a broken HEAD"),
    ],
)
def test_a_commit_that_is_not_known_is_none_and_no_error(tmp_path: Path, files: dict[str, str]) -> None:
    package = package_in(tmp_path)
    for name, text in files.items():
        write(tmp_path / name, text)
    assert git_commit(package) is None


def test_an_installed_package_does_not_take_the_clone_around_it_for_its_own(tmp_path: Path) -> None:
    write(tmp_path / ".git/HEAD", COMMIT)
    assert git_commit(tmp_path / "lib" / "townlet_core") is None


def test_what_is_not_installed_has_no_version() -> None:
    assert version_of("no-such-distribution-of-townlet") is None
    assert versions().numba == version_of("numba")
