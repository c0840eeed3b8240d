"""Network files with rounded weights: small, exact, and checked against whoever altered them."""

from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from generators.generated import Generated
from generators.registry import make_generator
from generators.rounding import WEIGHTS_AS, WeightsAs, rounded
from generators.saving import generator_digest
from search_spaces import Blueprint, DamagedFile, MLPSpace, RunFailed
from workbench.export import export_network, packing, read_network, safetensors_file, verify_network, write_network
from workbench.provenance import Provenance

GENERATOR = make_generator("mlp", {"d": 8, "hidden": 16})
SPACE = MLPSpace(inputs=64, outputs=10, depths=(2,), widths=(33,))
BLUEPRINT = Blueprint.of(SPACE.sample(np.random.default_rng(0)))


def record(weights_as: WeightsAs, **changes: object) -> Provenance:
    values = {"task": "digits", "task_digest": "d", "space": "mlp", "generator": "mlp", "seed": 3,
              "generator_digest": generator_digest(GENERATOR), "scores": {"score": 0.9}}  # fmt: skip
    return Provenance.model_validate({**values, "weights_as": weights_as, **changes})


def network() -> Generated:
    return GENERATOR.generate([BLUEPRINT], [3])


@given(numbers=st.lists(st.integers(-7, 7), min_size=1, max_size=40))
def test_two_numbers_a_byte(numbers: list[int]) -> None:
    whole = torch.tensor(numbers, dtype=torch.int8)
    data = packing.two_a_byte(whole)
    assert len(data) == (len(numbers) + 1) // 2
    assert torch.equal(packing.one_a_byte(data, (len(numbers),)), whole)


@pytest.mark.parametrize("weights_as", WEIGHTS_AS)
def test_a_file_holds_exactly_the_rounded_network_and_verifies(weights_as: WeightsAs, tmp_path: Path) -> None:
    path = write_network(tmp_path / "a.safetensors", network(), 0, record(weights_as))
    loaded = read_network(path)
    for name, tensor in rounded(network(), weights_as).state_dict(0).items():
        assert torch.equal(tensor, loaded.generated.state_dict(0)[name])
    assert verify_network(path, GENERATOR) == 0
    float_path = write_network(tmp_path / "b.safetensors", network(), 0, record("float32"))
    weights = sum(t.numel() for t in network().state_dict(0).values() if t.dim() > 1)
    saved = float_path.stat().st_size - path.stat().st_size
    bits = {"float32": 32, "bf16": 16, "int8": 8, "int4": 4}[weights_as]
    rows = sum(len(t) for t in network().state_dict(0).values() if t.dim() > 1)
    assert abs(saved - weights * (32 - bits) / 8 + 4 * rows * (bits < 16)) < 600  # the header names the scales


def test_another_rounding_than_said_does_not_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors_file, "packed", lambda state, _: packing.packed(state, "int4"))
    path = write_network(tmp_path / "a.safetensors", network(), 0, record("int4"))
    monkeypatch.setattr(safetensors_file, "unpacked", lambda t, b, _: packing.unpacked(t, b, "int4"))
    assert verify_network(path, GENERATOR) == 0
    path = write_network(tmp_path / "a.safetensors", network(), 0, record("int8"))
    with pytest.raises(RunFailed, match="differ"):
        verify_network(path, GENERATOR)


Tensors = dict[str, torch.Tensor]
NAME = "hidden_1.linear.weight"
HOSTILE: dict[str, tuple[WeightsAs, Callable[[Tensors], object]]] = {
    "no scale": ("int8", lambda t: t.pop(f"scales.{NAME}")),
    "a scale of nothing": ("int8", lambda t: t.update({"scales.other": torch.ones(3)})),
    "scales of a bias": ("int8", lambda t: t.update({"scales.hidden_1.linear.bias": torch.ones(33)})),
    "a short scale": ("int8", lambda t: t.update({f"scales.{NAME}": torch.ones(2)})),
    "a scale that is no number": ("int8", lambda t: t[f"scales.{NAME}"].fill_(float("nan"))),
    "an infinite scale": ("int4", lambda t: t[f"scales.{NAME}"].fill_(float("inf"))),
    "a negative scale": ("int4", lambda t: t[f"scales.{NAME}"].fill_(-1.0)),
    "a scale of another type": ("int4", lambda t: t.update({f"scales.{NAME}": torch.ones(33).double()})),
    "a number out of range": ("int8", lambda t: t[f"weights.{NAME}"].fill_(-128)),
    "no number": ("int4", lambda t: t[f"weights.{NAME}"].fill_(0)),
    "too many bytes": ("int4", lambda t: t.update({f"weights.{NAME}": torch.full((5000,), 136, dtype=torch.uint8)})),
    "too few bytes": ("int4", lambda t: t.update({f"weights.{NAME}": torch.full((3,), 136, dtype=torch.uint8)})),
    "whole numbers of another shape": (
        "int8", lambda t: t.update({f"weights.{NAME}": t[f"weights.{NAME}"].T.contiguous()})
    ),
    "floats instead": ("int8", lambda t: t.update({f"weights.{NAME}": t[f"weights.{NAME}"].float()})),
    "floats instead of bf16": ("bf16", lambda t: t.update({f"weights.{NAME}": t[f"weights.{NAME}"].float()})),
    "scales in bf16": ("bf16", lambda t: t.update({f"scales.{NAME}": torch.ones(33)})),
    "whole numbers in float32": ("float32", lambda t: t.update({f"weights.{NAME}": t[f"weights.{NAME}"].char()})),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_damaged(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a checksum that fits: only the content is wrong."""
    weights_as, change = HOSTILE[case]

    def altered(state: Tensors, how: WeightsAs) -> Tensors:
        tensors = {name: tensor.clone() for name, tensor in packing.packed(state, how).items()}
        change(tensors)
        return tensors

    monkeypatch.setattr(safetensors_file, "packed", altered)
    path = write_network(tmp_path / "mine.safetensors", network(), 0, record(weights_as))
    with pytest.raises(DamagedFile, match=r"mine\.safetensors"):
        read_network(path)


def test_an_odd_half_must_be_empty() -> None:
    data = packing.two_a_byte(torch.tensor([1, 2, 3], dtype=torch.int8))
    data[-1] |= 0x30
    with pytest.raises(Exception, match="empty half"):
        packing.one_a_byte(data, (3,))


def test_export_compares_with_the_rounded_network(tmp_path: Path) -> None:
    scores = {"score": 0.8, "score_as_float": 0.9}
    found = export_network(network(), 0, tmp_path, "a", record("int4", scores=scores), torch.randn(8, 64))
    assert [(r.format, r.weights_as, r.score, r.score_as_float) for r in found] == [
        ("safetensors", "int4", 0.8, 0.9), ("onnx", "int4", 0.8, 0.9),
    ]  # fmt: skip
    assert found[0].difference == 0
    assert found[1].difference is not None
    assert found[1].difference <= 1e-5
