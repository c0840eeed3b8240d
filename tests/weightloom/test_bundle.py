"""A saved generator is a bundle: small, without pickles, and elsewhere it emits the very same weights."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.torch import load

from generators.registry import make_generator
from generators.saving import save_pretrained
from search_spaces import MLPSpace
from sweeps.origin import Origin
from sweeps.single import generate_some
from workbench.export import read_network, verify_export
from workbench.tasks import load_task


def test_another_process_elsewhere_emits_equal_bytes(tmp_path: Path) -> None:
    bundle, file, task = tmp_path / "bundle", tmp_path / "architecture.json", load_task("digits")
    generator = make_generator("diffusion", {})
    save_pretrained(generator, bundle)
    origin = {"task": "digits", "task_digest": task.digest(), "space": "mlp", "inputs": 64, "outputs": 10}
    Origin.model_validate(origin).write(bundle)
    file.write_text(MLPSpace(inputs=64, outputs=10).sample(np.random.default_rng(2)).to_json())
    assert {path.suffix for path in bundle.iterdir()} == {".json", ".safetensors"}
    assert sum(path.stat().st_size for path in bundle.iterdir()) < 8_000_000

    from generators.form import Form

    settings = {"architecture": file, "sample": 0, "seed": 11, "density": 0.5, "weights": 1.0, "form": Form()}
    (here,) = generate_some(bundle, tmp_path / "here", data=None, **settings)  # type: ignore[arg-type]
    elsewhere = tmp_path / "another machine"
    elsewhere.mkdir()
    shutil.move(bundle, elsewhere / "shipped")
    command = ["generate", "shipped", "--architecture", str(file), "--seed", "11", "--density", "0.5", "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "weightloom", *command, "--json"],
        capture_output=True,
        text=True,
        cwd=elsewhere,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "5"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (there,) = json.loads(done.stdout)["networks"]
    mine, theirs = tmp_path / "here" / here.path, elsewhere / "out" / there["path"]
    first, second = load(mine.read_bytes()), load(theirs.read_bytes())
    assert first.keys() == second.keys()
    assert all(first[name].numpy().tobytes() == second[name].numpy().tobytes() for name in first)
    assert verify_export(theirs, generator).difference == 0
    assert read_network(theirs).provenance.generator_digest == read_network(mine).provenance.generator_digest
