"""In what form generated networks leave: within limits that provably hold, and with rounded weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from generators.generated import Generated
from generators.lipschitz import LipschitzBound, row_spectral_norm
from generators.rounding import WeightsAs, rounded
from search_spaces import RunFailed, WeightloomError

Limit = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]
"""Of a norm or a bound, as settings and records have it; None for none."""
MARGINS = (0.0, 1e-6, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.4)
"""How far below its limits a network is brought so that rounding does not lift it above them."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The greatest norm of a network's weight matrices, and its Lipschitz bound; None for what has no limit."""

    norm: float | None = None
    lipschitz: float | None = None


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is done to a network after it was generated.

    Attributes:
        weights_as: how its weights are rounded.
        max_norm: limit on the spectral norm of each weight tensor, as a matrix with a row for each output; then no row
            is longer either. None for no limit.
        max_lipschitz: limit on `LipschitzBound`; None for no limit.
    """

    weights_as: WeightsAs = "float32"
    max_norm: float | None = None
    max_lipschitz: float | None = None

    def __post_init__(self) -> None:
        for name, limit in (("--max-norm", self.max_norm), ("--max-lipschitz", self.max_lipschitz)):
            if limit is not None and not 0 < limit < float("inf"):
                raise WeightloomError(
                    f"{name}: expected a finite number above 0, got {limit}; leave it out for no limit"
                )

    def of(self, generated: Generated) -> Generated:
        """The networks in this form."""
        return rounded(self.limited(generated), self.weights_as)

    def limited(self, generated: Generated) -> Generated:
        """The networks before they are rounded, shrunk so that they keep the limits afterwards.

        A weight tensor above ``max_norm`` is multiplied by limit / norm (Gouk et al. 2021, arXiv:1804.04368,
        algorithm 1: the nearest in spectral norm along its ray); then all together by the greatest factor at which
        the Lipschitz bound is kept. Biases stay as they are. A network within its limits is not touched.

        Raises:
            WeightloomError: no Lipschitz bound is known of an architecture.
            RunFailed: a network has weights that are not finite, or none of `MARGINS` is enough.
        """
        if self.max_norm is None and self.max_lipschitz is None:
            return generated
        return generated.with_states(
            [self._limited_alone(generated.select([i])).state_dict(0) for i in range(len(generated))]
        )

    def reached(self, generated: Generated, index: int) -> Reached:
        """What one network in its final form reaches, of what has a limit.

        Raises:
            WeightloomError: no Lipschitz bound is known of its architecture.
        """
        norm = lipschitz = None
        if self.max_norm is not None:
            state = generated.state_dict(index)
            norm = max((row_spectral_norm(t) for t in state.values() if t.dim() > 1), default=0.0)
        if self.max_lipschitz is not None:
            lipschitz = _bound(generated, index).at()
        return Reached(norm=norm, lipschitz=lipschitz)

    def check(self, generated: Generated, index: int) -> Reached:
        """`reached`, refused if it is above a limit.

        Raises:
            RunFailed: a limit does not hold.
        """
        found = self.reached(generated, index)
        for name, limit, value in (
            ("spectral norm", self.max_norm, found.norm),
            ("Lipschitz bound", self.max_lipschitz, found.lipschitz),
        ):
            if limit is not None and value is not None and not value <= limit:
                raise RunFailed(
                    f"limits: expected a {name} of at most {limit:g}, got {value:g}; "
                    "generate the network with that limit"
                )
        return found

    def _limited_alone(self, one: Generated) -> Generated:
        for margin in MARGINS:
            made = self._shrunk(one, 1.0 - margin)
            try:
                self.check(rounded(made, self.weights_as), 0)
            except RunFailed as error:
                failure = error
                continue
            return made
        raise RunFailed(f"limits: no margin is enough: {failure}")

    def _shrunk(self, one: Generated, share: float) -> Generated:
        """Within ``share`` of the limits, before rounding."""
        state = one.state_dict(0)
        if self.max_norm is not None:
            for name, tensor in state.items():
                norm = row_spectral_norm(tensor) if tensor.dim() > 1 else 0.0
                if not norm <= share * self.max_norm:
                    state[name] = tensor * (share * self.max_norm / norm)
            one = one.with_states([state])
        if self.max_lipschitz is not None:
            factor = _greatest_factor(_bound(one, 0), share * self.max_lipschitz)
            if factor < 1:
                wide = {n: t * factor if n.endswith(("linear.weight", "conv.weight")) else t for n, t in state.items()}
                one = one.with_states([wide])
        return one


def _bound(generated: Generated, index: int) -> LipschitzBound:
    state, neurons, closed = generated.state_dict(index), generated.neurons(index), generated.closed_wires(index)
    return LipschitzBound.of(generated.blueprints[index].architecture, state, neurons, closed)


def _greatest_factor(bound: LipschitzBound, limit: float) -> float:
    """Up to 1, by bisection: the bound grows with the factor, from 0 at 0 since the last layer has weights."""
    if bound.at() <= limit:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if bound.at(middle) <= limit else (low, middle)
    return low
