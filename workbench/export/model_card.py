"""The model card of an exported network: what it is, how good, how it was generated, and what it is not good for."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.network import Network
from workbench.export.explanation import facts_of, score_words
from workbench.metrics.registry import METRICS
from workbench.provenance import Provenance
from workbench.summary import GeneratorSummary, NetworkCost, interval, shown

FIGURES = ("fidelity", "fidelity_worst_decile", "rank_tau", "collapse", "max_iou", "valid", "gap", "gap_oracle")
"""Of the generator, as far as they were measured."""


def model_card(
    name: str,
    network: Network,
    provenance: Provenance,
    before: NetworkCost,
    about: GeneratorSummary | None,
) -> str:
    """Markdown with the YAML head that the Hugging Face hub reads.

    Args:
        name: of the folder.
        network: what the weights are of, compacted.
        provenance: where it comes from.
        before: what the network costs as emitted.
        about: what was measured of its generator, over all architectures that were kept for testing.
    """
    p = provenance
    inputs = network.architecture.nodes[0]
    values = " x ".join(str(side) for _, side in inputs.choices)
    after = sum(parameter.numel() for parameter in network.parameters())
    taken = "" if after == before.parameters else f", of {before.parameters:,} before what is closed was taken out"
    blocks = [
        _head(name, p),
        f"# {name}",
        f"A network for the task `{p.task}` whose weights were **generated, not trained**: the generator "
        f"`{p.generator}` emitted them for the architecture `{network.architecture}`.",
        "```python\n"
        "from workbench.export import load_pretrained\n\n"
        f'network = load_pretrained("{name}")  # outputs [batch, classes] for inputs [batch, inputs]\n'
        "```",
        f"Inputs: {values} values ({inputs.operation}) as the task standardises them, flat, 32-bit floats, any batch. "
        f"{after:,} parameters{taken}. The weights are a plain "
        "safetensors file; nothing is downloaded and nothing unpickled.",
        "## Scores",
        f"Share of test examples classified rightly, with a 95 % interval: {score_words(p.scores)}. The network was "
        "chosen by its score on validation examples.",
        *_of_generator(about),
        "## How it was generated",
        _table(facts_of(p)),
        f"`weightloom explain {name}` prints this, `weightloom verify {name}` generates the network again and "
        "compares.",
        "## Limits",
        "\n".join(f"- {line}" for line in _limits(p, about)),
    ]
    return "\n\n".join(blocks) + "\n"


def _head(name: str, provenance: Provenance) -> str:
    lines = [
        "---",
        "library_name: weightloom",
        "tags: [weightloom, generated-weights, neural-architecture-search]",
        "model-index:",
        f"- name: {name}",
        "  results:",
        "  - task: {type: tabular-classification}",
        f"    dataset: {{name: {provenance.task}, type: {provenance.task}}}",
        f"    metrics: [{{type: accuracy, value: {provenance.scores['score']:.4f}}}]",
        "---",
    ]
    return "\n".join(lines)


def _of_generator(about: GeneratorSummary | None) -> list[str]:
    if about is None:
        return []
    rows = [
        f"| {name} | {interval(about.metrics[name])} | {about.metrics[name].n} | {METRICS[name].definition} |"
        for name in FIGURES
        if about.mean(name) is not None
    ]
    table = ["| of its generator | mean [95 % interval] | measurements | meaning |", "|---|---|---|---|", *rows]
    verdicts = [
        f"- judged **{verdict.label}**: {verdict.reason.removeprefix(f'{verdict.label}: ')}"
        for verdict in about.verdict
    ]
    return [
        "Of its generator, over architectures that were kept from it:",
        "\n".join(table),
        *(["\n".join(verdicts)] if verdicts else []),
    ]


def _table(facts: Mapping[str, str]) -> str:
    return "\n".join(["| recipe | |", "|---|---|", *(f"| {key} | {value} |" for key, value in facts.items())])


def _limits(provenance: Provenance, about: GeneratorSummary | None) -> list[str]:
    lines = [
        f"Made and measured on one fixed split of `{provenance.task}`; nothing is known of other data.",
        "The interval of the score tells what other test examples would change, not another generator or zoo.",
        "Whether its confidence can be trusted, and how robust it is, was not measured on this network.",
    ]
    fidelity = None if about is None else about.mean("fidelity")
    if fidelity is not None and fidelity < 1:
        lines.append(
            f"Really trained networks of the same architectures score higher: its generator reaches {shown(fidelity)} "
            "of what they do, on average."
        )
    bad = [] if about is None else [verdict.label for verdict in about.verdict if verdict.label != "novel"]
    if bad:
        lines.append(f"Its generator is judged {', '.join(bad)}: see the scores.")
    if provenance.weights_as != "float32":
        lines.append(f"Weights were rounded to {provenance.weights_as}; the file holds the rounded values as floats.")
    return lines
