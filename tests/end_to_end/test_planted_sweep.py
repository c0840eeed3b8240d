"""One tiny sweep, twice, with secrets planted: equal bytes, no secret in any of them, and none lost when frozen."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.postgresql_server import PASSWORD, programs, server
from sweeps.place import VARIABLE
from weightloom.__main__ import main

KEY = "planted0wandb0key0planted0wandb0key00000"
WORD = "planted-pgpassword"
SMALL = (
    "families=[{family: mlp, modes: [task], settings: {d: 8, hidden: 8, layers: 1}}]", "baselines=[init]",
    "training.steps=10", "evaluation.latents=2", "evaluation.thorough=false", "zoo.pool=8", "zoo.networks=8",
    "zoo.validation=2", "zoo.test=2", "zoo.recipe.steps=10", "zoo.real_recipe.steps=10",
)  # fmt: skip
COMMAND = (sys.executable, "-m", "weightloom")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of the runs folders ``a`` and ``b``, and all that was said."""
    folder, said = tmp_path_factory.mktemp("planted"), ""
    own = {"WANDB_API_KEY": KEY, "PGPASSWORD": WORD, "SOURCE_DATE_EPOCH": "1800000000", "OMP_NUM_THREADS": "1"}
    changes = [word for change in SMALL for word in ("--set", change)]
    with ExitStack() as stack:
        url = stack.enter_context(server()).url if programs() is not None else None
        there = own | ({} if url is None else {VARIABLE: url})
        sweep = ("sweep", "quick", "--trials", "1", *changes, "--runs-folder")
        refused = ("--name", "refused", "--storage", f"mysql://me:{PASSWORD}@127.0.0.1/none")
        for words, environment, good in (
            ((*sweep, str(folder / "a")), own, True),
            ((*sweep, str(folder / "b")), there, True),
            (("sweep", "--status", "quick", "--json", "--runs-folder", str(folder / "b")), there, True),
            ((*sweep, str(folder / "c"), *refused), own, False),
        ):
            done = subprocess.run(
                (*COMMAND, *words), capture_output=True, text=True, env=os.environ | environment, check=False
            )
            assert (done.returncode == 0) == good, done.stderr
            said += done.stdout + done.stderr
        yield folder, said


def test_no_secret_is_said_or_written(swept: tuple[Path, str]) -> None:
    folder, said = swept
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    kinds = {path.suffix for path in files}
    assert {".json", ".html", ".safetensors", ".onnx", ".yaml", ".wandb"} <= kinds, "else nothing was looked at"
    for secret in (KEY, WORD, PASSWORD):
        assert secret not in said
        assert [path for path, data in files.items() if secret.encode() in data] == []


def test_the_same_seed_gives_the_same_bytes(swept: tuple[Path, str]) -> None:
    folder, _ = swept
    exports = sorted(path.relative_to(folder / "a") for path in (folder / "a" / "quick" / "exports").iterdir())
    assert {path.suffix for path in exports} == {".safetensors", ".onnx"}
    for path in exports:
        assert (folder / "a" / path).read_bytes() == (folder / "b" / path).read_bytes(), path


@pytest.fixture
def read_only(swept: tuple[Path, str], tmp_path: Path) -> Iterator[Path]:
    """A copy of the runs folder that nobody can write to: a mount for root, who may write whatever the mode."""
    place = tmp_path / "frozen"
    shutil.copytree(swept[0] / "a", place)
    if os.geteuid() == 0:
        subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
    else:
        for path in (place, *place.rglob("*")):
            path.chmod(path.stat().st_mode & ~0o222)
    try:
        yield place
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", "-l", str(place)], check=True)
        else:
            for path in (place, *place.rglob("*")):
                path.chmod(path.stat().st_mode | 0o200)


def test_a_read_only_folder_is_said_in_one_line_and_loses_nothing(
    read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in read_only.rglob("*") if path.is_file()}
    run = read_only / "quick"
    network = next((run / "exports").glob("*.safetensors"))
    generator = run / "generators" / "trial-000"
    settings = ["--trials", "2", *(word for change in SMALL for word in ("--set", change))]
    for words in (["compare", str(run)], ["verify", str(network)], ["show", str(network)]):
        assert main(words) == 0, words
    capsys.readouterr()
    for words in (
        ["sweep", "quick", "--resume", *settings, "--runs-folder", str(read_only)],
        ["sweep", "quick", "--overwrite", *settings, "--runs-folder", str(read_only)],
        ["sweep", "quick", "--name", "new", *settings, "--runs-folder", str(read_only)],
        ["sweep", "--status", "quick", "--runs-folder", str(read_only)],
        ["worker", str(run)],
        ["export", str(run)],
        ["generate", str(generator), "--sample", "1", "--out", str(read_only / "out")],
        ["show", str(network), "--out", str(run / "picture.svg")],
    ):
        code, said = main(words), capsys.readouterr().err
        last = said.strip().splitlines()[-1]
        assert code in (1, 2), words
        assert last.startswith("weightloom: "), said
        assert "details:" not in last, said
        assert "Traceback" not in said
        assert any(word in last.lower() for word in ("read-only", "readonly", "writable", "write")), last
    assert before == {path: path.read_bytes() for path in read_only.rglob("*") if path.is_file()}
