"""The notebook of the examples runs as it stands, and so do the programs of the README."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from conftest import Server

PACKAGE = Path(__file__).parents[1]


def test_the_notebook_runs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOT_FRONT", server["front"])
    monkeypatch.setenv("ALLOT_PUBLISH", server["publish"])
    notebook = nbformat.read(PACKAGE / "examples" / "positions.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    pages = ["".join(output["data"]["text/html"]) for output in shown]
    assert len(pages) >= 3, "replies, a report and a frame are tables"
    assert any("<th>deviation</th>" in page for page in pages)


def test_the_first_program_of_the_readme_runs(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (PACKAGE / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.S)
    program = blocks[0].replace("allot.Source()", f"allot.Source(endpoint={server['front']!r})")
    ends = f"endpoint={server['publish']!r}, front={server['front']!r}"
    program = program.replace("front=allot.FRONT", ends)
    assert program.count(server["front"]) == 2
    exec(compile(program, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines()[0] == "{'account1': 60, 'account2': 40}"
