"""optuna-dashboard opens what a sweep wrote."""

import json
import os
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from sweeps.opening import opened
from sweeps.place import Place


def get(app: Any, path: str) -> Any:
    """What the app answers, asked as a web server would."""
    status: list[str] = []
    request: dict[str, Any] = {"PATH_INFO": path}
    setup_testing_defaults(request)
    body = b"".join(app(request, lambda line, headers, *more: status.append(line)))
    assert status == ["200 OK"], body
    return json.loads(body)


@pytest.mark.filterwarnings("ignore")  # the dashboard's own
def test_the_dashboard_shows_the_trials_of_a_run_at_work(tmp_path: Path) -> None:
    if "WEIGHTLOOM_NEEDS_RAY" not in os.environ:
        pytest.importorskip("optuna_dashboard")
    from optuna_dashboard import wsgi

    place = Place.local(tmp_path / "study.db")
    with opened(place, "shown", 0) as store:
        store.target = 2
        trial = store.claim("one", lambda other: None)
        assert trial is not None
        trial.suggest_categorical("family", ["mlp"])
        store.finish(trial, {"fidelity": 0.75, "collapse": 0.5, "active_parameters": 100.0})
        store.claim("two", lambda other: None)
        app = wsgi(place.url)
        (study,) = get(app, "/api/studies")["study_summaries"]
        assert study["study_name"] == "shown"
        assert study["directions"] == ["maximize", "minimize", "minimize"]
        trials = get(app, f"/api/studies/{study['study_id']}")["trials"]
        assert [(t["state"], t.get("values")) for t in trials] == [("Complete", [0.75, 0.5, 100.0]), ("Running", None)]
