"""The recipe of an export in words, for people and auditors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.export.recipe import Recipe
from workbench.provenance import Provenance
from workbench.summary import shown

NONE = "none"


def explained(recipe: Recipe, sha256: str) -> dict[str, str]:
    """What there is to know of an export, in the order in which it is read.

    Args:
        recipe: of the export.
        sha256: of the file, as `workbench.export.digest` gives it.
    """
    kind = recipe.format if recipe.opset is None else f"{recipe.format}, opset {recipe.opset}"
    facts = {"file": recipe.path, "format": kind, "SHA-256": sha256}
    if recipe.architecture is None:
        facts["architecture"] = "not in the file, which an earlier version wrote"
    else:
        graph = recipe.graph
        facts |= {"architecture": str(graph), "architecture key": graph.key}
    return facts | facts_of(recipe.provenance)


def facts_of(provenance: Provenance) -> dict[str, str]:
    """What a provenance says, in words."""
    p = provenance
    facts = {
        "task": p.task,
        "data hash": p.task_digest,
        "search space": p.space,
        "generator": p.generator,
        "generator hash": p.generator_digest,
        "generator saved in": p.generator_path or "not saved",
        "trained by": {None: "not trained, a baseline", "both": "zoo, then task"}.get(p.mode, str(p.mode)),
        "zoo hash": p.zoo_digest or "none: it saw no trained networks",
        "latent seed": str(p.seed),
        "condition": f"{p.density:g} of hidden neurons and {p.weights:g} of weights kept",
        "weights kept as": p.weights_as,
        "constraints in force": "; ".join(_constraints(p)) or NONE,
    }
    if p.topology is not None:
        budget = "no budget" if p.topology.flops is None else f"a budget of {p.topology.flops:,.0f} FLOPs"
        facts["architecture chosen by"] = (
            f"topology generator {p.topology.digest} from latent seed {p.topology.seed} and {budget}, "
            f"saved in {p.topology.path}"
        )
    versions = ", ".join(f"{name} {version}" for name, version in p.versions.items())
    return facts | {
        "scores": score_words(p.scores),
        "versions": versions,
        "made": f"{p.created.isoformat()} by weightloom {p.weightloom}",
    }


def score_words(scores: Mapping[str, float | None]) -> str:
    """The test score with its interval, and the other scores by name."""
    rest = dict(scores)
    score, low, high, n = (rest.pop(key, None) for key in ("score", "score_low", "score_high", "test_examples"))
    words = f"test score {shown(score)}"
    if low is not None and high is not None:
        words += f" [{shown(low)}, {shown(high)}]"
    if n is not None:
        words += f" on {n:,.0f} examples"
    return ", ".join([words, *(f"{name.replace('_', ' ')} {shown(value)}" for name, value in rest.items())])


def _constraints(p: Provenance) -> list[str]:
    found = [f"{rule.replace('_', ' ')}: {_plain(value)}" for rule, value in p.rules.items()]
    if p.max_norm is not None:
        found.append(f"norm of each weight matrix at most {p.max_norm:g} (reaches {shown(p.norm)})")
    if p.max_lipschitz is not None:
        found.append(f"Lipschitz bound at most {p.max_lipschitz:g} (reaches {shown(p.lipschitz)})")
    return found


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
