import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from workbench.metrics import METRICS, registry

REPOSITORY = Path(registry.__file__).parents[2]
WANTED = """score fidelity fidelity_worst_decile rank_tau rank_tau_top regret_at_1 regret_at_5 init_loss
shuffled_fidelity collapse error_iou error_iou_chance vendi effective_rank precision recall density coverage
mmd one_nn mask_iou edge_entropy max_iou nearest_l2 rho rho_function copy_share valid sparsity neurons_removed
edges_closed active_parameters active_flops latency_ms latency_single_ms nfe train_seconds zoo_seconds peak_mb
latent_lipschitz gap gap_oracle gap_novelty gap_novelty_oracle ensemble_score"""


def test_every_column_has_one_meaning():
    assert set(WANTED.split()) <= set(METRICS)
    assert len(METRICS) == len(registry._ALL)
    json.dumps([asdict(metric) for metric in METRICS.values()], allow_nan=False)


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_entries_are_whole(metric):
    assert metric.definition[0].isupper()
    assert metric.definition.endswith(".")
    assert ". " not in metric.definition, "one sentence"
    assert metric.unit
    assert metric.source
    assert metric.better in ("up", "down", "near")
    if metric.low is not None and metric.high is not None:
        assert metric.low < metric.high
    if metric.near is not None:
        assert metric.better == "near"
        assert metric.low <= metric.near <= (metric.high or float("inf"))


@pytest.mark.parametrize(
    ("blocked", "module"),
    [("numpy torch scipy", "workbench.metrics.registry"), ("torch scipy sklearn", "workbench.metrics")],
)
def test_reading_metrics_loads_nothing_heavy(blocked, module):
    """In a fresh process where the heavy packages cannot be imported; other rooms' code is left out."""
    script = f"""
import importlib, importlib.util, sys, types
sys.modules.update(dict.fromkeys({blocked.split()!r}))
root = {str(REPOSITORY / "workbench")!r}
package = types.ModuleType("workbench")
package.__path__ = [root]
sys.modules["workbench"] = package
if {module!r}.endswith("registry"):
    spec = importlib.util.spec_from_file_location("registry", root + "/metrics/registry.py")
    sys.modules["registry"] = found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
else:
    found = importlib.import_module({module!r})
print(len(found.METRICS))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(METRICS)
