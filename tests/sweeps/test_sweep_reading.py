from pathlib import Path

import pytest

from search_spaces import DamagedFile, WeightloomError
from sweeps.reading import assignments, override, parse, read_yaml, to_yaml

CONTENT = {
    "name": "x",
    "zoo": {"test": 4, "recipe": {"steps": 10}},
    "families": [{"family": "mlp", "modes": ["task"]}, {"family": "diffusion"}],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("1e-3", 1e-3),
        ("1.0e-3", 1e-3),
        ("-2E5", -2e5),
        ("true", True),
        ("null", None),
        ("", None),
        ("[1.0, 0.5]", [1.0, 0.5]),
        ("{mode: task}", {"mode": "task"}),
        ("a=b", "a=b"),
        ("runs/x.yaml", "runs/x.yaml"),
    ],
)
def test_assignments_read_yaml(text: str, value: object) -> None:
    assert assignments([f"some.key={text}"], "--set") == {"some.key": value}


@pytest.mark.parametrize("pair", ["steps", "=3", " =3"])
def test_assignments_need_key_and_value(pair: str) -> None:
    with pytest.raises(WeightloomError, match="KEY=VALUE"):
        assignments([pair], "--set")


def test_assignments_name_the_option_of_broken_yaml() -> None:
    with pytest.raises(WeightloomError, match=r"^--set zoo: expected YAML") as error:
        assignments(["zoo=[1"], "--set")
    assert "\n" not in str(error.value)


def test_override_reaches_nested_keys_and_entries_by_family_or_number() -> None:
    changed = override(
        CONTENT,
        {
            "zoo.recipe.steps": 20,
            "training.steps": 5,
            "families.diffusion.first.mode": "both",
            "families.0.modes": [],
        },
    )
    assert changed["zoo"] == {"test": 4, "recipe": {"steps": 20}}
    assert changed["training"] == {"steps": 5}
    assert changed["families"] == [
        {"family": "mlp", "modes": []},
        {"family": "diffusion", "first": {"mode": "both"}},
    ]
    assert CONTENT["zoo"] == {"test": 4, "recipe": {"steps": 10}}, "the original must not change"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("zoo.test.more", "expected 'zoo.test' to hold keys, got the value 4"),
        ("families.7.modes", "expected a number below 2 or one of mlp, diffusion, got '7'"),
        ("families.mpl", "got 'mpl'"),
    ],
)
def test_override_says_where_a_key_ends(key: str, message: str) -> None:
    with pytest.raises(WeightloomError, match=message):
        override(CONTENT, {key: 1})


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "", "1: 2"])
def test_only_mappings_are_read(text: str) -> None:
    with pytest.raises(WeightloomError, match="expected keys and values in YAML"):
        parse(text, "file")


def test_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightloomError, match=r"none\.yaml"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DamagedFile, match=r"odd\.yaml"):
        read_yaml(tmp_path / "odd.yaml")


def test_yaml_round_trip() -> None:
    content = {"a": 1e-05, "b": {"c": [0.3, "ü", None, True]}, "d": float("inf")}
    assert parse(to_yaml(content), "text") == content
