"""The front door: light, typed, and civil about mistakes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.config import SweepConfig, checked, resolve
from sweeps.reading import parse
from weightloom import __version__
from weightloom.__main__ import VERBS, main

HEAVY = ("torch", "pytorch_lightning", "optuna", "diffusers", "wandb", "sklearn")
KINDS = ("spaces", "generators", "tasks", "methods", "tables", "metrics", "presets")
Capture = pytest.CaptureFixture[str]


def complaint(capsys: Capture, *arguments: str, code: int = 2) -> str:
    assert main(list(arguments)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line != "loading libraries …"]
    assert len(lines) == 1, err
    assert lines[0].startswith("weightloom: ")
    return lines[0]


def test_help_and_list_import_nothing_heavy() -> None:
    commands = [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)]
    commands += [["list", kind] for kind in KINDS] + [["list"], ["list", "metrics", "--json"]]
    commands += [["lst"], ["sweep", "demoo"]]
    code = (
        "import sys\nfrom weightloom.__main__ import main\n"
        f"for command in {commands!r}: main(command)\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_imports_no_array_no_schema_and_only_the_verb_asked_for() -> None:
    code = "import sys\nfrom weightloom.__main__ import main\nmain(['sweep', '--help'])\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "weightloom.commands.sweep" in imported
    assert not imported & {"numpy", "pydantic", "yaml", "jaxtyping", "importlib.metadata", "weightloom.commands.train"}


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(verb: str, capsys: Capture) -> None:
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Example: weightloom {verb} " in " ".join(out.split())
    assert "--json" in out


def test_the_root_help_names_every_verb(capsys: Capture) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    lines = {words[1]: words[2:-1] for line in out.splitlines() if len(words := line.split()) > 2}
    assert all(lines[verb] for verb in VERBS)  # each with what it does
    assert "sweep demo" in out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("kind", KINDS)
def test_list_describes_in_one_line(kind: str, capsys: Capture) -> None:
    assert main(["list", kind, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found
    assert all(text and "\n" not in text for text in found.values())
    assert main(["list", kind]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(found)


def test_list_of_no_kind_is_of_all(capsys: Capture) -> None:
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == set(KINDS)
    assert main(["list"]) == 0
    parts = [part.splitlines() for part in capsys.readouterr().out.split("\n\n")]
    assert {head.removesuffix(":"): len(lines) for head, *lines in parts} == {k: len(v) for k, v in found.items()}


def test_list_knows_what_is_registered(capsys: Capture) -> None:
    for kind, name in (("spaces", "mlp"), ("generators", "diffusion"), ("tasks", "idx"), ("presets", "quick")):
        main(["list", kind, "--json"])
        assert name in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("swep", "demo"), 'Did you mean "sweep"?'),
        (("sweep",), "PRESET"),
        (("sweep", "demoo"), "unknown preset 'demoo'. Did you mean 'demo'?"),
        (("sweep", "none.yaml"), "none.yaml"),
        (("sweep", "quick", "--nme", "x"), "Did you mean --name?"),
        (("sweep", "quick", "--trials", "abc"), '"abc"'),
        (("sweep", "quick", "--trials", "0"), "key 'trials': expected greater than or equal to 1, got 0"),
        (("sweep", "quick", "--tracker", "wand"), '"wandb", "none"'),
        (("sweep", "quick", "--task", "digit"), "Did you mean 'digits'?"),
        (("sweep", "quick", "--space", "mpl"), "Did you mean 'mlp'?"),
        (("sweep", "quick", "--set", "zoo.tset=8"), "unknown key 'zoo.tset'. Did you mean 'zoo.test'?"),
        (("sweep", "quick", "--set", "zoo.test=few"), "key 'zoo.test': expected a valid integer"),
        (("sweep", "quick", "--set", "zoo.test"), "KEY=VALUE"),
        (("sweep", "quick", "--name", "a/b"), "key 'name'"),
        (("sweep", "quick", "--task", "idx"), "--data FOLDER"),
        (("sweep", "quick", "--task", "idx", "--data", "/nowhere"), "/nowhere"),
        (("sweep", "quick", "--data", "/tmp"), "task digits: expected no folder"),
        (("train", "mpl", "--out", "x"), "unknown family 'mpl'. Did you mean 'mlp'?"),
        (("train", "noise", "--out", "x"), "unknown family 'noise'"),
        (("train", "mlp"), "--out"),
        (("train", "mlp", "--out", "/dev/null/x"), "expected a writable folder"),
        (("sweep", "quick", "--task", "file"), "got none; name it with --data PATH"),
        (("sweep", "quick", "--data", "mine.csv"), "for data of your own take --task file"),
        (("train", "mlp", "--mode", "tsk", "--out", "x"), '"task", "zoo", "both"'),
        (("train", "mlp", "--settings", "hiden=3", "--out", "x"), "Did you mean 'hidden'?"),
        (("train", "mlp", "--steps", "0", "--out", "x"), "key 'training.steps'"),
        (("evaluate", "nothing"), "nothing/config.json"),
        (("generate", "nothing", "--out", "x"), "--architecture FILE or --sample N"),
        (("generate", "nothing", "--out", "x", "--sample", "0"), "--sample: expected an integer of at least 1"),
        (("generate", "nothing", "--out", "x", "--sample", "1", "--density", "2"), "--density: expected"),
        (("generate", "nothing", "--out", "x", "--sample", "1", "--sparsity", "1"), "--sparsity: expected"),
        (("generate", "nothing", "--out", "x", "--sample", "1"), "nothing/config.json"),
        (("export", "nothing"), "nothing/summary.json"),
        (("verify", "nothing.safetensors"), "nothing.safetensors"),
        (("compare", "nothing"), "nothing/summary.json"),
        (("compare", "nothing", "--csv", "--json"), "got several"),
        (("list", "space"), "Did you mean 'spaces'?"),
        (("new", "genrator", "mine"), "Did you mean 'generator'?"),
        (("new", "generator", "My-Idea"), "Did you mean 'my_idea'?"),
        (("new", "space", "class"), "got 'class'"),
        (("new", "generator", "diffusion"), "got 'diffusion', which is a generator that is installed"),
        (("new", "task", "torch"), "try 'my_torch'"),
        (("new", "task", "mine", "--into", "/dev/null/no"), "cannot write /dev/null/no"),
        (("sweep", "quick", "--generators", "mpl"), "unknown family 'mpl'. Did you mean 'mlp'?"),
        (("search", "cell"), "--table"),
        (("search", "cel", "--table", "nasbench201"), "unknown space 'cel'. Did you mean 'cell'?"),
        (("search", "cell", "--table", "nasbench202"), "unknown table 'nasbench202'. Did you mean 'nasbench201'?"),
        (("search", "cell", "--table", "nasbench-macro"), "expected space macro"),
        (("search", "cell", "--table", "nothing.csv"), "nothing.csv"),
        (("search", "cell", "--table", "nasbench201", "--method", "locl"), "Did you mean 'local'?"),
        (("search", "cell", "--table", "nasbench201", "--method", ","), "methods: expected one or more"),
        (("search", "cell", "--table", "nasbench201", "--column", "e12_c10"), "Did you mean 'e12_c10_"),
        (("search", "cell", "--table", "nasbench201", "--reference", "gp"), "unknown reference method 'gp'"),
        (("search", "cell", "--table", "nasbench201", "--seeds", "0"), "seeds: expected an integer of at least 1"),
        (("search", "cell"), "exactly one of --table NAME and --task NAME, got neither"),
        (("search", "mlp", "--table", "nasbench201", "--task", "digits"), "--task NAME, got both"),
        (("search", "cell", "--table", "nasbench201", "--steps", "50"), "--steps: expected with --task only"),
        (("search", "cell", "--table", "nasbench201", "--method", "guided"), "search method guided: expected a task"),
        (("search", "cell", "--table", "nasbench201", "--method", "relaxed"), "search method relaxed: expected a task"),
        (("search", "dag", "--task", "mnist1d", "--method", "relaxed"), "(cell, conv1d, conv2d, macro, mlp), got dag"),
        (("search", "cell", "--task", "mnist1d", "--cost-weight", "-1"), "--cost-weight: expected a number from 0"),
        (("search", "mlp", "--task", "digits", "--column", "x"), "--column: expected with --table only"),
        (("search", "mlp", "--task", "digit"), "unknown task 'digit'. Did you mean 'digits'?"),
        (("search", "mpl", "--task", "digits"), "unknown space 'mpl'. Did you mean 'mlp'?"),
        (("search", "conv1d", "--task", "digits"), "conv1d"),
        (("search", "mlp", "--task", "idx"), "--data FOLDER"),
        (("search", "mlp", "--task", "digits", "--steps", "5"), "--steps: expected an integer of at least 10, got 5"),
        (("search", "mlp", "--task", "digits", "--generator-steps", "0"), "--generator-steps: expected an integer"),
        (("search", "mlp", "--task", "digits", "--generator", "nothing"), "nothing/origin.json"),
        (("search", "mlp", "--task", "digits", "--generator", "x", "--generator-steps", "9"), "leave one out"),
        (("search", "mlp", "--task", "digits", "--queries", "0"), "queries: expected an integer of at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...],
    expected: str,
    capsys: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in complaint(capsys, *arguments)
    assert not [path for path in tmp_path.rglob("*") if path.name != "runs"], "nothing is left behind"


def test_print_config_is_read_back(capsys: Capture) -> None:
    assert main(["sweep", "quick", "--print-config", "--trials", "5", "--set", "zoo.test=8"]) == 0
    printed = checked(parse(capsys.readouterr().out, "printed"), SweepConfig)
    assert printed == resolve("quick", {"trials": 5, "zoo.test": 8})


def test_search_writes_record_and_page(capsys: Capture, tmp_path: Path) -> None:
    command = ["search", "macro", "--table", "nasbench-macro", "--method", "random,local", "--queries", "12"]
    assert main([*command, "--seeds", "6", "--out", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    result = found["result"]
    assert json.loads((tmp_path / "search.json").read_text()) == result
    assert Path(found["page"]).read_text().startswith("<!doctype html>")
    assert list(result["methods"]) == ["random", "local"]
    assert (result["reference"], result["query"], result["final"]) == ("local", "test_acc_1", "mean_acc")
    assert result["methods"]["random"]["final"]["n"] == 6
    assert main([*command, "--seeds", "2", "--out", str(tmp_path)]) == 0
    assert "difference to local" in capsys.readouterr().out


def test_search_by_real_training_keeps_its_answers(capsys: Capture, tmp_path: Path) -> None:
    command = ["search", "mlp", "--task", "digits", "--method", "random,guided,relaxed", "--queries", "2"]
    command += ["--seeds", "1", "--steps", "10", "--generator-steps", "2", "--runs-folder", str(tmp_path / "runs")]
    assert main([*command, "--out", str(tmp_path / "a"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["problem"] == "task digits"
    assert result["best_final"] is None
    for method in result["methods"].values():
        assert 0 < method["final"]["mean"] < 1
        assert method["total_seconds"] > method["seconds"] > 0
    assert "--steps 10 --generator-steps 2" in result["command"]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/.search/**/*") if path.is_file()}
    assert 4 <= len([path for path in kept if "answers" in path.parts]) <= 11
    assert main([*command, "--out", str(tmp_path / "b")]) == 0
    shown = capsys.readouterr().out
    assert "s in all" in shown
    assert "a gap of" in shown
    again = json.loads((tmp_path / "b" / "search.json").read_text())
    for name, method in again["methods"].items():
        assert method["picks"] == result["methods"][name]["picks"]
    now = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/.search/**/*") if path.is_file()}
    assert now == kept, "nothing was trained again"


def test_a_mistake_of_ours_is_one_line_with_a_log(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    import sweeps.single

    def fail(*_: object) -> float:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(sweeps.single, "verify_file", fail)
    line = complaint(capsys, "verify", "x.safetensors", code=1)
    assert "ZeroDivisionError: of ours" in line
    log = Path(line.split("details: ")[1].rstrip(")"))
    assert "Traceback" in log.read_text()
    log.unlink()
