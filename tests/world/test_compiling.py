"""The user hears of a compilation when there is one, once, and not when the cache has the kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TWO_KERNELS = """
from townlet_core.world.compiling import notice_compiling
from townlet_core.world.kernel import kernel

@kernel
def double(number):
    return number + number

@kernel
def quadruple(number):
    return double(double(number))

with notice_compiling(lambda: print("compiling")):
    print(quadruple(3), double(1.5))
"""


def test_a_compilation_is_noticed_once_and_an_answer_from_the_cache_is_none(tmp_path: Path) -> None:
    program = tmp_path / "two_kernels.py"
    program.write_text(TWO_KERNELS, encoding="utf-8")

    def run(**more: str) -> str:
        variables = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), **more}
        done = subprocess.run([sys.executable, program], env=variables, capture_output=True, text=True, check=True)
        return done.stdout

    assert run() == "compiling\n12 3.0\n"
    assert run() == "12 3.0\n"
    assert run(NUMBA_DISABLE_JIT="1") == "12 3.0\n"
