from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.collection import Collection
from generators.generated import Generated
from generators.generator import Fitted, Generator
from generators.registry import GENERATORS, make_generator
from generators.saving import from_pretrained, generator_digest, save_pretrained
from search_spaces import Blueprint, DamagedFile, MLPSpace, UnknownName, WeightloomError

SMALL = {
    "mlp": {"d": 8, "hidden": 8, "layers": 1, "latent": 4, "token_width": 8},
    "transformer": {"d": 8, "layers": 1, "latent": 4, "token_width": 8},
    "diffusion": {"d": 8, "layers": 1, "steps": 2, "token_width": 8, "scheduler": "ddim"},
}
SPACE = MLPSpace(inputs=5, outputs=3, depths=(1, 2, 3), widths=(4, 6))
BLUEPRINTS = [Blueprint.of(a) for a in SPACE.sample_distinct(6, np.random.default_rng(0))]


def ready(name: str) -> Generator:
    torch.manual_seed(0)
    generator = make_generator(name, SMALL.get(name, {"token_width": 8}))
    for parameter in generator.parameters():  # so that no zero start hides a tensor that was not saved
        torch.nn.init.normal_(parameter, std=0.3)
    if isinstance(generator, Fitted):
        layout = generator.tokenizer.batch(BLUEPRINTS)
        tokens = layout.centre + layout.scale * torch.randn(layout.used.shape)
        networks = Generated.dense(generator.tokenizer, layout, tokens)
        generator.fit(Collection.of(networks, torch.rand(len(networks))))
    return generator


@pytest.mark.parametrize("name", GENERATORS.names())
def test_round_trip_of_every_registered_generator(name: str, tmp_path: Path) -> None:
    generator = ready(name)
    folder = save_pretrained(generator, tmp_path / "deep" / name)
    assert sorted(entry.name for entry in folder.iterdir()) == ["config.json", "model.safetensors"]
    state = torch.get_rng_state()
    again = from_pretrained(folder)
    assert torch.equal(state, torch.get_rng_state())
    assert type(again) is type(generator)
    assert again.config == generator.config
    assert generator_digest(again) == generator_digest(generator)
    for density in (1.0, 0.5):
        one, two = (g.generate(BLUEPRINTS, range(6), density) for g in (generator, again))
        assert torch.equal(one.tokens, two.tokens)
        assert torch.equal(one.open_neurons, two.open_neurons)
        assert torch.equal(one.gates, two.gates)
    first = {entry.name: entry.read_bytes() for entry in folder.iterdir()}
    save_pretrained(again, folder)
    assert first == {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_digest_sees_weights_config_and_name() -> None:
    one = ready("mlp")
    digest = generator_digest(one)
    assert len(digest) == 64
    with torch.no_grad():
        next(one.parameters()).view(-1)[0] += 1e-6
    assert generator_digest(one) != digest
    a, b = (make_generator("diffusion", {**SMALL["diffusion"], "steps": steps}) for steps in (2, 3))
    b.load_state_dict(a.state_dict())
    assert generator_digest(a) != generator_digest(b)


def test_every_damage_is_named_and_nothing_is_half_used(tmp_path: Path) -> None:
    folder = save_pretrained(ready("transformer"), tmp_path)
    rng = random.Random(0)
    for name in ("config.json", "model.safetensors"):
        path = folder / name
        whole = path.read_bytes()
        for _ in range(60):
            position, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
            path.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
            with pytest.raises(DamagedFile, match=name.replace(".", r"\.")):
                from_pretrained(folder)
        for length in (0, 1, 7, 8, 9, *(rng.randrange(len(whole)) for _ in range(20))):
            path.write_bytes(whole[:length].rstrip() if name == "config.json" else whole[:length])
            with pytest.raises(DamagedFile, match=name.replace(".", r"\.")):
                from_pretrained(folder)
        path.write_bytes(whole)
    from_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"schema": 2}, DamagedFile, "schema"),
        ({"schema": True}, DamagedFile, "schema"),
        ({"kind": "weightloom-network"}, DamagedFile, "kind"),
        ({"config": {"d": 12}}, DamagedFile, "altered"),
        ({"extra": 1}, DamagedFile, "altered"),
    ],
)
def test_altered_config(tmp_path: Path, change: dict[str, object], error: type[Exception], words: str) -> None:
    path = save_pretrained(ready("mlp"), tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(error, match=rf"config\.json.*{words}"):
        from_pretrained(tmp_path)


def test_missing_folder_and_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightloomError, match="nowhere"):
        from_pretrained(tmp_path / "nowhere")
    (save_pretrained(ready("mlp"), tmp_path) / "model.safetensors").unlink()
    with pytest.raises(WeightloomError, match=r"model\.safetensors"):
        from_pretrained(tmp_path)


def test_unknown_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = ready("mlp")
    monkeypatch.setattr(type(generator), "name", "mpl")
    with pytest.raises(UnknownName, match="Did you mean 'mlp'"):
        save_pretrained(generator, tmp_path)
    monkeypatch.setattr("generators.saving.GENERATORS", _Anything(type(generator)))
    save_pretrained(generator, tmp_path)
    monkeypatch.undo()
    with pytest.raises(UnknownName, match="Did you mean 'mlp'"):
        from_pretrained(tmp_path)


class _Anything:
    """A table in which every name stands for one class."""

    group = "weightloom.generators"

    def __init__(self, kind: type[Generator]) -> None:
        self.kind = kind

    def load(self, name: str) -> type[Generator]:
        return self.kind


def test_a_class_that_is_not_the_registered_one_is_not_saved(tmp_path: Path) -> None:
    kind = GENERATORS.load("mlp")
    other = type("Mine", (kind,), {})()
    with pytest.raises(WeightloomError, match="Mine; register it"):
        save_pretrained(other, tmp_path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"latnet": 3}, "unknown setting 'latnet', got 3. Did you mean 'latent'? Allowed: change, d, hidden"),
        ({"d": 4}, "d must be greater than or equal to 8, got 4"),
        ({"d": "wide"}, "d must be a valid integer"),
        ({"d": 4, "hidden": 1}, r"got 4 (and 1 more)"),
    ],
)
def test_settings_are_checked_in_one_line(settings: dict[str, object], words: str) -> None:
    with pytest.raises(WeightloomError) as caught:
        make_generator("mlp", settings)
    assert str(caught.value).startswith("generator mlp: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_name_lists_the_choices() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'diffusion'"):
        make_generator("difusion", {})
