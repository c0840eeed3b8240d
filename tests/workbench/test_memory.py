"""The most memory in use is noticed, and forgotten when it is watched anew."""

import torch

from workbench.execution import give_back, peak_bytes, watch_peak

PROCESSOR, MUCH = torch.device("cpu"), 200_000_000


def test_what_is_taken_shows_and_is_forgotten() -> None:
    give_back()
    watch_peak(PROCESSOR)
    before = peak_bytes(PROCESSOR)
    taken = torch.ones(MUCH // 4)
    assert peak_bytes(PROCESSOR) > before + 0.9 * MUCH
    del taken
    give_back()
    assert peak_bytes(PROCESSOR) > before + 0.9 * MUCH
    watch_peak(PROCESSOR)
    assert peak_bytes(PROCESSOR) < before + 0.5 * MUCH
