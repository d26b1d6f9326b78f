"""The tools around notebooks, for real: JupyterLab's server runs one, git diffs and strips them."""

from __future__ import annotations

import ast
import inspect
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from retention.runs.stage import open_stage

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.prefix) / "bin"
GOLDEN = PROJECT / "tests" / "golden" / "published_figures.ipynb"


class Server:
    """A JupyterLab server of one's own, on a free port, with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.token = uuid.uuid4().hex
        runtime = folder / "runtime"
        names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={folder}",
            "--ServerApp.log_level=WARN",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **dict.fromkeys(names, str(runtime))}
        )
        self.url = self._address(runtime)

    def _address(self, runtime: Path) -> str:
        """Wait until the server has written where it listens."""
        for _ in range(600):
            for path in runtime.glob("jpserver-*.json"):
                if path.read_text().strip().endswith("}"):
                    return json.loads(path.read_text())["url"].rstrip("/")
            assert self.process.poll() is None, "the server ended"
            time.sleep(0.1)
        raise TimeoutError("the server does not start")

    def ask(self, method: str, route: str, /, **body):
        """Ask the server's REST interface."""
        import requests

        headers = {"Authorization": f"token {self.token}"}
        answer = requests.request(
            method, f"{self.url}{route}", headers=headers, json=body or None, timeout=60
        )
        answer.raise_for_status()
        return answer

    def run(self, kernel: str, sources: list[str]) -> list[tuple[str, dict]]:
        """Execute cells in a kernel over the server's web socket; return what it published."""
        import websocket

        address = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
        socket = websocket.create_connection(f"{address}?token={self.token}", timeout=120)
        published = []
        try:
            for source in sources:
                published += self._execute(socket, source)
        finally:
            socket.close()
        return published

    @staticmethod
    def _execute(socket, source: str) -> list[tuple[str, dict]]:
        """Execute one cell and wait until the kernel is idle again."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "username": "", "session": "test",
                  "msg_type": "execute_request", "version": "5.3", "date": ""}  # fmt: skip
        content = {"code": source, "silent": False, "store_history": True,
                   "user_expressions": {}, "allow_stdin": False}  # fmt: skip
        request = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        socket.send(json.dumps({**request, "channel": "shell", "buffers": []}))
        published = []
        while True:
            answer = json.loads(socket.recv())
            if answer["parent_header"].get("msg_id") != message:
                continue
            published.append((answer["msg_type"], answer["content"]))
            if answer["content"].get("execution_state") == "idle":
                return published

    def close(self) -> None:
        """End the server and what it started."""
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.mark.slow
def test_a_real_jupyterlab_server_opens_and_runs_a_notebook(tmp_path):
    shutil.copy(GOLDEN, tmp_path / "figures.ipynb")
    server = Server(tmp_path)
    try:
        assert "JupyterLab" in server.ask("GET", "/lab").text
        opened = server.ask("GET", "/api/contents/figures.ipynb").json()["content"]
        sources = [cell["source"] for cell in opened["cells"] if cell["cell_type"] == "code"]
        assert len(sources) >= 3
        session = server.ask(
            "POST", "/api/sessions", path="figures.ipynb", name="figures.ipynb",
            type="notebook", kernel={"name": "python3"},
        ).json()  # fmt: skip
        published = server.run(session["kernel"]["id"], sources)
        errors = [content for kind, content in published if kind == "error"]
        assert errors == []
        shown = {"stream", "display_data", "execute_result"}
        assert sum(kind in shown for kind, _ in published) >= 1
    finally:
        server.close()


def git(folder: Path, *words: str) -> str:
    """Run git in a checkout that knows nothing of this machine's settings."""
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.example",
                "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.example"}  # fmt: skip
    alone = {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, env={**alone, **identity}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_git_strips_outputs_and_diffs_notebooks_cell_by_cell(tmp_path):
    git(tmp_path, "init", "--quiet")
    shutil.copy(PROJECT / ".gitattributes", tmp_path)
    subprocess.run([PROJECT / ".ci" / "git-tools.sh", str(BIN)], cwd=tmp_path, check=True)
    path = tmp_path / "notebooks" / "01" / "x.ipynb"
    path.parent.mkdir(parents=True)

    def write(source: str) -> None:
        output = new_output("stream", name="stdout", text="somebody@shop.example")
        cell = new_code_cell(source, outputs=[output], execution_count=3, id="one")
        nbformat.write(new_notebook(cells=[cell]), path)

    write("rows = 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    kept = json.loads(git(tmp_path, "show", "HEAD:notebooks/01/x.ipynb"))["cells"][0]
    assert kept["outputs"] == []
    assert kept["execution_count"] is None
    assert "somebody@shop.example" in path.read_text()
    write("rows = 2")
    told = git(tmp_path, "diff")
    assert "nbdiff" in told
    assert "rows = 2" in told


def test_every_committed_notebook_is_stripped_and_the_golden_one_is_not():
    for path in sorted((PROJECT / "notebooks").glob("*/*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") for cell in cells), path.name
    golden = nbformat.read(GOLDEN, as_version=4).cells
    assert any(cell.get("outputs") for cell in golden)


@pytest.mark.parametrize(
    "path", sorted((PROJECT / "notebooks").glob("*/*.ipynb")), ids=lambda p: p.stem
)
def test_every_notebook_opens_its_stage_within_the_bounds_that_the_params_set(path):
    cells = nbformat.read(path, as_version=4).cells
    (text,) = [c.source for c in cells if c.cell_type == "code" and "open_stage(" in c.source]
    (call,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
               and ast.unparse(node.func) == "retention.open_stage"]  # fmt: skip
    assert [ast.unparse(argument) for argument in call.args] == [
        f"'{path.stem}'", *list(inspect.signature(open_stage).parameters)[1:]
    ]  # fmt: skip
