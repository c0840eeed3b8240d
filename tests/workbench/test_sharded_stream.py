"""A network emitted in a stream is the network that is emitted as a whole, and can be gone on with."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import generators.streaming
from generators.registry import make_generator
from search_spaces import Blueprint, WeightloomError, files
from workbench.export import sharded
from workbench.export.sharded import stream_network

SETTINGS = {"d": 16, "hidden": 24, "layers": 1, "latent": 4, "token_width": 16}


def target() -> Blueprint:
    """A small transformer, with layers whose rows are longer than a token and shapes of all kinds."""
    with torch.device("meta"):
        layer = nn.TransformerEncoderLayer(24, 4, 40, batch_first=True)
        return Blueprint.of_module(nn.Sequential(nn.Embedding(50, 24), layer, nn.Conv1d(24, 5, 3), nn.Linear(5, 7)))


def loaded(folder: Path) -> dict[str, torch.Tensor]:
    names = set(files.read_json(folder / sharded.INDEX)["weight_map"].values())
    return {name: value for shard in names for name, value in load_file(folder / shard).items()}


@pytest.mark.parametrize("width", [16, 128])
@pytest.mark.parametrize(("family", "more"), [("mlp", {}), ("mlp", {"rank": 6}), ("experts", {"experts": 3})])
def test_a_stream_is_the_network_as_a_whole(
    tmp_path: Path, family: str, more: dict[str, int], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators.streaming, "WINDOW", 500)  # several windows a layer
    torch.manual_seed(0)
    generator, blueprint = make_generator(family, {**SETTINGS, **more, "token_width": width}), target()
    index = stream_network(generator, blueprint, 3, tmp_path, shard_bytes=4000)
    whole, streamed = generator.generate([blueprint], [3]).state_dict(0), loaded(tmp_path)
    assert set(streamed) == set(whole)
    for name, value in whole.items():
        torch.testing.assert_close(streamed[name], value, atol=1e-6, rtol=1e-5)
    in_memory = generators.streaming.gathered(generator, blueprint, 3, width)
    for name, value in streamed.items():  # other rows are emitted together, which is seen in the last bits
        torch.testing.assert_close(in_memory[name], value, atol=1e-6, rtol=1e-5)
    assert len(set(files.read_json(index)["weight_map"].values())) > 3
    stream_network(generator, blueprint, 4, tmp_path / "other", shard_bytes=4000)
    assert not torch.equal(loaded(tmp_path / "other")["0.weight"], streamed["0.weight"])


def test_a_stopped_stream_goes_on_and_ends_in_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    generator, blueprint = make_generator("mlp", SETTINGS), target()
    stream_network(generator, blueprint, 0, tmp_path / "whole", shard_bytes=6000)
    written = 0

    def stop(count: int) -> None:
        nonlocal written
        written += count
        if written > 15_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream_network(generator, blueprint, 0, tmp_path / "parts", shard_bytes=6000, progress=stop)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()}
    assert before, "some shards were whole"
    assert not any(name.endswith(".tmp") for name in before)
    assert not (tmp_path / "parts" / sharded.INDEX).exists()
    made = []
    real = generators.streaming.pieces
    monkeypatch.setattr(sharded, "pieces", lambda emit, group: made.append(group) or real(emit, group))
    stream_network(generator, blueprint, 0, tmp_path / "parts", shard_bytes=6000)
    assert made, "the others were emitted"
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "parts" / path.name).read_bytes()
    assert all((tmp_path / "parts" / name).stat().st_mtime_ns == when for name, when in before.items())


def test_shards_of_another_network_are_refused(tmp_path: Path) -> None:
    generator, blueprint = make_generator("mlp", SETTINGS), target()
    index = stream_network(generator, blueprint, 0, tmp_path)
    (shard,) = set(files.read_json(index)["weight_map"].values())
    with safe_open(tmp_path / shard, "pt") as opened:
        assert '"seed": 0' in opened.metadata()["weightloom"]
    with pytest.raises(WeightloomError, match="choose another folder"):
        stream_network(generator, blueprint, 1, tmp_path)
    (tmp_path / shard).write_bytes((tmp_path / shard).read_bytes()[:-4])
    with pytest.raises(WeightloomError, match="choose another folder"):
        stream_network(generator, blueprint, 0, tmp_path)


def test_families_that_look_at_all_tokens_cannot_stream(tmp_path: Path) -> None:
    with pytest.raises(WeightloomError, match="such as mlp"):
        stream_network(make_generator("transformer", {}), target(), 0, tmp_path)
    with pytest.raises(WeightloomError, match="'change' 1"):
        stream_network(make_generator("mlp", {**SETTINGS, "change": 0.5}), target(), 0, tmp_path)
