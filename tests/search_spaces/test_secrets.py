"""Secrets are planted and looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.errors import LONGEST, WeightloomError, in_one_line
from search_spaces.secrets import hide, redacted


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:PLANTED@host/db",
        "failed: postgresql+psycopg://me:PLANTED@host:5432/db?x=1 at once",
        "postgresql://me:PLANTED@with@signs@host/db",
        "postgresql://host/db?password=PLANTED&user=me",
        "connection to password=PLANTED host=x",
        "https://:PLANTED@host",
    ],
)
def test_passwords_are_taken_out(text: str) -> None:
    assert "PLANTED" not in redacted(text)
    assert "***" in redacted(text)
    assert "host" in redacted(text)


@pytest.mark.parametrize("name", ["WANDB_API_KEY", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY"])
def test_a_key_in_the_environment_is_taken_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "0123456789abcdef")
    assert redacted("key 0123456789abcdef refused") == "key *** refused"


def test_a_hidden_secret_is_taken_out_in_every_form() -> None:
    hide("p/ss w:rd")
    assert redacted("p/ss w:rd, p%2Fss%20w%3Ard") == "***, ***"


@pytest.mark.parametrize("before", range(0, 24))
def test_a_secret_at_the_cut_is_taken_out_first(before: int) -> None:
    hide("PLANTED-secret-word")
    text = "x" * before + "PLANTED-secret-word" + "y" * 40
    said = in_one_line(ValueError(text), 24)
    assert len(said) == 24
    assert "PLA" not in said
    for place in (LONGEST * 2 // 3, LONGEST * 2 // 3 + 40):  # where the middle of a long message is left out
        said = str(WeightloomError("x" * (place - before) + "PLANTED-secret-word" + "y" * LONGEST))
        assert "PLA" not in said
        assert "secret-word" not in said


@given(st.text(alphabet="abc /:.,'", max_size=60))
def test_text_without_secrets_stays(text: str) -> None:
    if "://" not in text:
        assert redacted(text) == text


def test_plain_urls_stay() -> None:
    for text in ("see https://host:80/path", "sqlite:////tmp/x.db", "https://a.b/c, then me@host"):
        assert redacted(text) == text
