"""How a notebook's end is told, whatever ended it."""

from __future__ import annotations

import nbformat
import pytest

from retention.runs.execute import run_notebook
from retention.runs.kernels import KernelPool


@pytest.mark.slow
def test_a_kernel_that_died_before_its_first_cell_is_told_as_such(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(notebook, tmp_path / "one.ipynb")
    pool = KernelPool(1, 1, tmp_path, {})
    kernel = pool.take()
    kernel.provisioner.process.kill()
    kernel.provisioner.process.wait()
    done = run_notebook(
        tmp_path / "one.ipynb",
        tmp_path / "out" / "one.ipynb",
        tmp_path / "one.json",
        {},
        kernel,
        60,
        lambda number, cells: None,
    )
    pool.close()
    assert done.failure is not None
    assert done.failure.kind == "KernelDied"
