"""Where networks are trained and run."""

import pytest
import torch

from generators.baselines import InitBaseline
from generators.mlp import MLPGenerator
from search_spaces import WeightloomError
from workbench.execution import best_device
from workbench.execution.device import DEVICE


def test_without_a_word_it_is_a_gpu_or_else_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICE, raising=False)
    assert best_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_device().type == "cuda"


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv(DEVICE, "cpu")
    assert best_device().type == "cpu"


@pytest.mark.parametrize("asked", ["tpu", "cuda", "CPU"])
def test_what_is_not_there_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setenv(DEVICE, asked)
    with pytest.raises(WeightloomError, match=f"{DEVICE}={asked}: expected one of cpu, cuda, mps .* which has cpu;"):
        best_device()


def test_generators_without_weights_have_a_device_and_keep_it_out_of_their_files() -> None:
    for generator in (InitBaseline(), MLPGenerator()):
        assert generator.to("meta").device.type == "meta"
        assert all(not name.startswith("_") for name in generator.state_dict())
