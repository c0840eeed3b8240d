"""Networks that stay in a file give what those in memory give, and take no memory until they are selected."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from generators import collection as module
from generators.baselines import RetrieveBaseline
from generators.baselines.base import FittedBaseline
from generators.baselines.pooled import Pooled
from generators.collection import Collection
from generators.diffusion import DiffusionConfig, DiffusionGenerator
from generators.heads import to_values
from generators.registry import GENERATORS
from generators.tensor_files import map_tensors
from generators.testing import small_collection
from generators.tokens import LANES, WeightTokenizer
from search_spaces import WeightloomError
from workbench.execution import give_back

TOKENIZER = WeightTokenizer(width=5)
PARTS = ("tokens", "open_neurons", "gates", "scores")


def mapped(collection: Collection, path: Path) -> Collection:
    """The same, read from a file."""
    save_file({name: getattr(collection, name).contiguous() for name in PARTS}, path)
    return Collection(
        tokenizer=collection.tokenizer,
        blueprints=collection.blueprints,
        places=collection.places,
        device=collection.device,
        **map_tensors(path),
    )


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Collection, Collection]:
    """In memory and in a file."""
    own = small_collection(TOKENIZER, count=12)
    return own, mapped(own, tmp_path / "networks.safetensors")


def test_selected_networks_are_those(pair: tuple[Collection, Collection]) -> None:
    own, other = pair
    whole = own.in_memory()
    for index in ([3], [5, 1, 5], range(12)):
        expected = whole.select(list(index))
        for chosen in (other.select(index), other.some(range(11, -1, -1)).select([11 - i for i in index])):
            assert chosen.blueprints == expected.blueprints
            for name in ("tokens", "open_neurons", "gates"):
                assert torch.equal(getattr(chosen, name), getattr(expected, name))
    assert torch.equal(other.some([4, 2]).scores, own.scores[[4, 2]])


@pytest.mark.parametrize("name", [n for n in GENERATORS.names() if issubclass(GENERATORS.load(n), FittedBaseline)])
def test_baselines_generate_the_same(name: str, pair: tuple[Collection, Collection]) -> None:
    kind = GENERATORS.load(name)
    targets = small_collection(TOKENIZER, count=5, seed=7).blueprints
    made = []
    for collection in pair:
        baseline = kind(kind.Config(token_width=5))
        assert isinstance(baseline, FittedBaseline)
        baseline.fit(collection)
        made.append(baseline.generate(targets, range(5)))
    assert torch.equal(made[0].tokens, made[1].tokens)
    assert torch.equal(made[0].gates, made[1].gates)
    tokens = pair[0].tokens.clone()
    tokens[:, 0, 0] += 1
    other = kind(kind.Config(token_width=5))
    assert isinstance(other, FittedBaseline)
    other.fit(replace(pair[0], tokens=tokens))
    assert not torch.equal(other.generate(targets, range(5)).tokens, made[0].tokens), "the control"


def test_statistics_are_the_same_part_by_part(
    pair: tuple[Collection, Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        diffusion = DiffusionGenerator(DiffusionConfig(d=8, layers=1, token_width=5))
        diffusion.prepare(pair[1])
        baseline = RetrieveBaseline(RetrieveBaseline.Config(token_width=5))
        baseline.fit(pair[1])
        return diffusion.unit, baseline.role_mean, baseline.role_std

    whole = measured()
    monkeypatch.setattr(module, "PART", 4 * 5 * pair[1].tokens[0].numel())
    assert [len(part) for part in pair[1].parts()] == [5, 5, 2]
    for one, other in zip(whole, measured(), strict=True):
        torch.testing.assert_close(one, other)


def test_of_a_single_part_they_are_exactly_those_of_torch(pair: tuple[Collection, Collection]) -> None:
    diffusion = DiffusionGenerator(DiffusionConfig(d=8, layers=1, token_width=5))
    diffusion.prepare(pair[1])
    networks = pair[0].in_memory()
    values, used = to_values(networks)[0], networks.layout.used
    lanes = [values[..., i][used[..., i]].square().mean().sqrt() for i in range(LANES)]
    weights = values[..., LANES:][used[..., LANES:]].square().mean().sqrt()
    assert torch.equal(diffusion.unit[: LANES + 1], torch.stack([*lanes, weights]).clamp_min(0.1))


def test_pooled_numbers_are_those_of_torch() -> None:
    numbers = 3 + 2 * torch.randn(1000, generator=torch.Generator().manual_seed(0))
    whole, parts = Pooled(), Pooled()
    whole.add(numbers)
    assert (torch.tensor(whole.mean), torch.tensor(whole.std)) == (numbers.mean(), numbers.std())
    for part in numbers.split([1, 0, 499, 500]):
        parts.add(part)
    assert parts.mean == pytest.approx(float(numbers.double().mean()), rel=1e-6)
    assert parts.std == pytest.approx(float(numbers.double().std()), rel=1e-6)
    assert (Pooled().mean, Pooled().std) == (0.0, 1.0)


def anonymous() -> float:
    """MiB of this process that belong to no file."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_mapped_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "big.safetensors"
    save_file({"big": torch.ones(64, 2**18)}, path)
    give_back()  # else the copy would find room in what this process has kept of tests before
    before = anonymous()
    big = map_tensors(path)["big"]
    assert float(big.sum()) == big.numel()
    assert anonymous() - before < 16
    copied = big.clone()
    assert anonymous() - before > 48, "the control"
    assert len(copied) == 64
    big[0] = 7
    assert float(map_tensors(path)["big"][0].sum()) == 2**18, "nothing is written back"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:100], "cannot be read|header"),
        (lambda data: data[:-4], "cannot be read"),
        (lambda data: (2**62).to_bytes(8, "little") + data[8:], "a header of"),
        (lambda data: data[:8] + b"[" + data[9:], "header"),
        (lambda data: b"", "a header of"),
    ],
)
def test_damage_is_named_when_a_file_is_mapped(tmp_path: Path, change: object, message: str) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.ones(64)}, path)
    assert callable(change)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(WeightloomError, match=message):
        map_tensors(path)
    with pytest.raises(WeightloomError, match="readable safetensors file"):
        map_tensors(tmp_path)
