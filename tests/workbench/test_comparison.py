from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

from example_summary import example_dict, example_summary

from weightloom.terminal import print_comparison, print_pairs
from workbench.comparison import difference_warnings, rows, rows_as_csv, terminal_table
from workbench.differences import advantage, compare
from workbench.latex import latex_table
from workbench.sentences import verdict_sentences
from workbench.summary import GeneratorSummary, Summary, shown


def unpaired(content: dict[str, Any]) -> dict[str, Any]:
    """Without rows of architectures, which would contradict figures that a test plants."""
    for generator in content["generators"].values():
        generator["architectures"] = []
    return content


def _generator(fidelity: Any = None, collapse: Any = None, family: str = "g", kind: str = "family") -> GeneratorSummary:
    metrics = {"fidelity": fidelity, "collapse": collapse}
    return GeneratorSummary.model_validate(
        {
            "kind": kind,
            "family": family,
            "budget": {"steps": 1, "seconds": 1},
            "metrics": {
                name: {"mean": sum(ends) / 2, "low": ends[0], "high": ends[1], "n": 3}
                for name, ends in metrics.items()
                if ends
            },
        }
    )


@pytest.mark.parametrize(
    ("first", "second", "metric", "outcome"),
    [
        ((0.9, 0.95), (0.7, 0.8), "fidelity", "better"),
        ((0.9, 0.95), (0.7, 0.8), "collapse", "worse"),
        ((0.7, 0.8), (0.8, 0.9), "fidelity", "no difference"),
        (None, (0.8, 0.9), "fidelity", "unknown"),
    ],
)
def test_compare(first: Any, second: Any, metric: str, outcome: str) -> None:
    a, b = (_generator(**{metric: ends}) for ends in (first, second))
    assert compare(a, b, metric) == outcome


def test_diversity_counts_only_at_comparable_fidelity() -> None:
    collapsed = _generator((0.97, 0.98), (0.99, 1.0), family="retrieve", kind="baseline")
    assert advantage(_generator((0.95, 0.96), (0.1, 0.2)), collapsed) == "diversity"
    assert advantage(_generator((0.5, 0.6), (0.0, 0.1)), collapsed) is None
    noise = collapsed.model_copy(update={"family": "noise"})
    assert advantage(_generator((0.95, 0.96), (0.1, 0.2)), noise) is None
    assert advantage(_generator((0.99, 1.0)), noise) == "fidelity"


def test_sentences_of_the_example() -> None:
    sentences = verdict_sentences(example_summary())
    text = "\n".join(sentences)
    assert sentences[0].startswith("Choose diffusion where different latents")
    assert sentences[1].startswith("Choose mlp where one good network is enough")
    assert "mind that it is judged collapsed" in sentences[1]
    assert "mlp and transformer: no difference in fidelity shown" in text
    assert "mlp has collapsed" in text
    assert "118 s to train" in text
    assert "0.420 ms" in text


def test_where_no_difference_in_fidelity_is_shown_only_the_best_trade_off_is_recommended() -> None:
    content = unpaired(example_dict())
    content["generators"]["diffusion"]["metrics"]["fidelity"] |= {"mean": 0.988, "high": 0.99}  # mlp's begins at .989
    content["generators"]["diffusion"]["metrics"]["fidelity"] |= {"low": 0.98}
    (first,) = [one for one in verdict_sentences(Summary.model_validate(content)) if one.startswith("Choose")]
    assert first.startswith("Choose diffusion: it has the best trade-off, 0.869 =")
    assert "no difference in fidelity to mlp, which has the highest, is shown (0.988 [0.980, 0.990] against" in first
    content["generators"]["diffusion"]["metrics"]["fidelity"]["high"] = 0.9885
    assert verdict_sentences(Summary.model_validate(content))[1].startswith("Choose mlp where one good network is")


def test_a_family_that_loses_has_learned_nothing_beyond() -> None:
    content = unpaired(example_dict())
    content["generators"] = {name: content["generators"][name] for name in ("diffusion", "noise", "real")}
    content["generators"]["diffusion"]["metrics"]["fidelity"] = {
        "mean": 0.9,
        "low": 0.88,
        "high": 0.92,
        "n": 9,
    }
    text = "\n".join(verdict_sentences(Summary.model_validate(content)))
    assert "No family earns a recommendation" in text
    assert "learned nothing beyond noise" in text
    assert "Choose" not in text


def test_missing_figures_claim_nothing() -> None:
    content = example_dict()
    content["generators"]["noise"]["metrics"] = {}
    content["generators"].pop("real")
    text = "\n".join(verdict_sentences(Summary.model_validate(content)))
    assert "cannot be compared with noise" in text
    assert "lack their yardstick" in text
    content["generators"] = {}
    assert verdict_sentences(Summary.model_validate(content))[0].startswith("No family to choose")


def test_table_shows_names_as_they_are() -> None:
    content = example_dict()
    content["generators"]["[red]x[/red]"] = content["generators"].pop("mlp")
    stream = io.StringIO()
    Console(file=stream, width=130).print(terminal_table([Summary.model_validate(content)]))
    assert "[red]x[/red]" in stream.getvalue()
    assert "0.962 [0.956, 0.968]" in stream.getvalue()


def test_csv_has_every_figure() -> None:
    summary = example_summary()
    read = list(csv.DictReader(io.StringIO(rows_as_csv([summary]))))
    assert len(read) == len(rows([summary])) == 90
    assert read[0]["generator"] == "mlp"
    assert {row["mean"] for row in read if row["generator"] == "init" and row["metric"] == "collapse"} == {""}


def test_runs_that_differ_are_named() -> None:
    first = example_summary()
    assert difference_warnings([first, first]) == []
    second = first.model_copy(
        update={"name": "b", "space": "cell", "zoo": {**first.zoo, "hash": "x"}, "versions": {"torch": "1"},
                "budget": {"zoo_networks": 3}}
    )  # fmt: skip
    text = "\n".join(difference_warnings([first, second]))
    assert all(word in text for word in ("space", "zoo", "budget zoo_networks", "version of torch", "cell"))
    assert "task" not in text


def test_the_noise_frontiers_have_their_sentence() -> None:
    content = example_dict()
    first = next(g for g in content["generators"].values() if g["kind"] == "family")
    first["metrics"]["gap"] = {"mean": 0.1, "low": 0.05, "high": 0.15, "n": 9}
    first["metrics"]["gap_oracle"] = {"mean": -0.02, "low": -0.03, "high": -0.01, "n": 9}
    text = "\n".join(verdict_sentences(Summary.model_validate(content)))
    assert "is 0.100 [0.050, 0.150] better than noise on the nearest training network and" in text
    assert "and 0.020 [0.010, 0.030] worse than noise on a network trained for that very architecture." in text
    first["metrics"]["gap_oracle"]["high"] = 0.01
    text = "\n".join(verdict_sentences(Summary.model_validate(content)))
    differs = "not shown to differ from noise on a network trained for that very architecture (-0.020 [-0.030, +0.010])"
    assert differs in text


def test_each_family_stands_beside_the_fewest_steps_of_training_that_are_as_faithful() -> None:
    summary = example_summary()
    sentences = verdict_sentences(summary)
    for name, family in summary.of_kind("family").items():
        own = family.mean("fidelity")
        assert own is not None
        (equal, *_) = [point for point in summary.brief if (point.fidelity.mean or 0) >= own] or [None]
        beside = [f"steps is {how} {name} (" for how in ("as faithful as", "more faithful than")]
        (sentence,) = [s for s in sentences if any(b in s for b in beside) or s.startswith(f"{name} is more faith")]
        if equal is None:
            assert "really trained for up to 400 steps" in sentence
        else:
            assert f"for {equal.steps} steps" in sentence
            latency = family.mean("latency_ms")
            assert latency is None or f"{shown(equal.milliseconds / latency)} times what {name} takes" in sentence
    assert any("for 400 steps is " in sentence for sentence in sentences)  # the example has such a case
    without = summary.model_copy(update={"brief": []})
    assert not any("really trained for up to" in s or "is as faithful as" in s for s in verdict_sentences(without))


def test_brief_training_that_is_shown_to_be_better_is_not_called_equal() -> None:
    content = example_dict()
    content["generators"] = {name: content["generators"][name] for name in ("mlp", "diffusion", "real")}
    for row in ("mlp", "diffusion"):
        content["generators"][row]["metrics"]["fidelity"] = {"mean": 0.3, "low": 0.2, "high": 0.4, "n": 9}
    content["brief"] = [{**content["brief"][0], "steps": 25, "fidelity": {"mean": 0.9, "low": 0.41, "high": 1, "n": 9}}]
    text = "\n".join(verdict_sentences(Summary.model_validate(content)))
    assert "for 25 steps is more faithful than mlp and diffusion (0.900" in text
    content["brief"][0]["fidelity"]["low"] = 0.39
    text = "\n".join(verdict_sentences(Summary.model_validate(content)))
    assert "for 25 steps is as faithful as mlp and diffusion (0.900" in text


def test_what_holds_for_several_families_is_said_once() -> None:
    content = unpaired(example_dict())
    losers = ("mlp", "transformer", "diffusion")
    for row in losers:
        content["generators"][row]["metrics"]["fidelity"] = {"mean": 0.01, "low": 0.0, "high": 0.02, "n": 9}
        content["generators"][row]["verdict"] = [{"label": "off-manifold", "reason": "off-manifold: valid is 0."}]
    sentences = verdict_sentences(Summary.model_validate(content))
    (nothing,) = [one for one in sentences if "learned nothing beyond" in one]
    assert nothing.startswith("mlp (0.010 [0.000, 0.020]), transformer (")
    assert " do not beat init (" in nothing
    assert "mlp, transformer and diffusion are judged off-manifold: valid is 0." in sentences


def test_a_yardstick_that_still_improves_is_named() -> None:
    summary = example_summary()
    assert not any("yardstick is short" in one for one in verdict_sentences(summary))
    short = summary.model_copy(update={"zoo": {**summary.zoo, "still_improving": 0.75}})
    assert "75% of the really trained networks were still improving" in verdict_sentences(short)[-1]


@pytest.mark.parametrize(
    ("gain", "low", "short"), [(0.021, 0.01, True), (0.021, -0.01, False), (0.004, 0.003, False), (-0.02, -0.03, False)]
)
def test_a_yardstick_that_gains_by_twice_the_steps_is_named(gain: float, low: float, short: bool) -> None:
    summary = example_summary()
    more = {"doubled_gain": gain, "doubled_gain_low": low, "doubled_gain_high": gain + 0.01}
    told = verdict_sentences(summary.model_copy(update={"zoo": {**summary.zoo, **more}}))
    assert any("score 0.021 [0.010, 0.031] more after twice as many steps" in one for one in told) is short


def test_latex_is_a_booktabs_table_with_every_generator() -> None:
    content = example_dict()
    content["generators"]["a_b & 50%"] = content["generators"]["mlp"]
    other = Summary.model_validate({**content, "name": "second_run", "zoo": {**content["zoo"], "hash": "other"}})
    table = latex_table([example_summary(), other])
    rows = [line for line in table.splitlines() if line.endswith("\\\\") and "&" in line]
    assert len({line.count("&") - line.count("\\&") for line in rows}) == 1
    assert len(rows) == 1 + len(example_summary().generators) + len(other.generators)
    for word in ("toprule", "midrule", "bottomrule"):
        assert f"\\{word}" in table
    assert "a\\_b \\& 50\\% & " in table
    assert "\\emph{second\\_run}" in table
    comments = [line for line in table.splitlines() if line.startswith("% Warning")]
    assert comments == [f"% Warning: {warning}" for warning in difference_warnings([example_summary(), other])]
    fidelity = example_summary().generators["mlp"].metrics["fidelity"]
    assert f"{shown(fidelity.mean)} {{\\scriptsize [{shown(fidelity.low)}, {shown(fidelity.high)}]}}" in table


def test_commands_differ_without_a_warning_and_equal_names_are_told_apart() -> None:
    content = example_dict()
    content["budget"] = {**content["budget"], "command": "weightloom sweep other"}
    both = [example_summary(), Summary.model_validate(content)]
    assert difference_warnings(both) == []
    assert {row.run for row in rows(both)} == {f"{both[0].name} #1", f"{both[0].name} #2"}


def test_names_from_a_file_give_a_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    content = example_dict()
    content["name"] = "\x1b[2J"
    content["generators"] = {
        f"\x1b]0;{name}\x07": {**row, "family": "\x9b1m"} for name, row in content["generators"].items()
    }
    found = Summary.model_validate(content)
    print_comparison([found, found])
    print_pairs([("task", "\x1b[8m")])
    out = capsys.readouterr().out
    assert "\\x1b]0;mlp\\x07" in out
    assert not set(out) & {"\x1b", "\x07", "\x9b"}
