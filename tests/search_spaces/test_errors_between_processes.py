"""Errors on their way from a worker process."""

import pickle

import pytest

from search_spaces.errors import DamagedFile, RunFailed, UnknownName, WeightloomError

EACH = [
    WeightloomError("a: expected 1, got 2"),
    RunFailed("the loss became nan"),
    DamagedFile("x.json: checksum"),
    UnknownName("family", "mpl", ["transformer", "mlp"]),
]


def test_every_error_is_here() -> None:
    def below(kind: type[WeightloomError]) -> set[type[WeightloomError]]:
        return {kind}.union(*(below(k) for k in kind.__subclasses__() if k.__module__.startswith("search_spaces")))

    assert below(WeightloomError) <= {type(error) for error in EACH}


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
def test_an_error_arrives_as_it_left(error: WeightloomError) -> None:
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert str(there) == str(error)
    assert vars(there) == vars(error)
