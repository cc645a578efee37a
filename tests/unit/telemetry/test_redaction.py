"""No card number, PIN or secret reaches a log (PCI DSS 4.0, 3.3.1 and 3.5.1)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.telemetry import configure_logging, trace_provider
from libs.telemetry.redaction import is_secret_name, redact, redact_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("paid with 4111111111111111", "paid with [card number]"),
        ("paid with 4111 1111 1111 1111 today", "paid with [card number] today"),
        ("amex 3782-822463-10005.", "amex [card number]."),
        ("2221000000000009", "[card number]"),
        ("4111111111111112 fails Luhn's check", "4111111111111112 fails Luhn's check"),
        ("1234567812345670 starts with no network's digit", "1234567812345670 starts with no network's digit"),
        ("sale 019a0000-0000-7000-8000-000000000001", "sale 019a0000-0000-7000-8000-000000000001"),
        ("at 2026-01-31T17:45:00.123456Z", "at 2026-01-31T17:45:00.123456Z"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
        ("postgresql://sales:s3cret@db/x", "postgresql://sales:[redacted]@db/x"),
        ("amqp://rabbitmq:5672/", "amqp://rabbitmq:5672/"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_text(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    "name", ["pin", "staff_pin", "staffPin", "PAN", "card_number", "X-Api-Key", "password", "setup_token", "cvv2"]
)
def test_a_field_named_for_a_secret_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["pinned", "company", "spinning", "number", "key", "partition_key", "expand", "card"])
def test_a_field_that_only_looks_similar_is_not(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_are_found_at_any_depth_and_the_rest_is_kept() -> None:
    assert redact({"a": [{"pin": "1234", "n": 3}], "b": ("4111111111111111", None), 5: 4111111111111111}) == {
        "a": [{"pin": "[redacted]", "n": 3}],
        "b": ["[card number]", None],
        5: "[card number]",
    }


def test_a_structure_without_end_is_cut_off() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "[too deep to log]" in str(redact(endless))


class TestLines:
    @pytest.fixture
    def stream(self) -> Iterator[io.StringIO]:
        before, level = logging.getLogger().handlers[:], logging.getLogger().level
        stream = io.StringIO()
        configure_logging("INFO", "json", stream, defaults={"service": "sales"})
        yield stream
        logging.getLogger().handlers[:] = before
        logging.getLogger().setLevel(level)
        structlog.reset_defaults()

    def line(self, stream: io.StringIO) -> dict[str, object]:
        (text,) = stream.getvalue().splitlines()
        parsed: dict[str, object] = json.loads(text)
        return parsed

    def test_a_line_carries_what_is_bound_and_the_trace_it_belongs_to(self, stream: io.StringIO) -> None:
        tracer = trace_provider("sales").get_tracer("test")
        with structlog.contextvars.bound_contextvars(correlation_id="c-1"), tracer.start_as_current_span("x") as span:
            structlog.get_logger("test").info("sold", sale_id="s-1")
        line = self.line(stream)
        assert line["event"] == "sold"
        assert line["service"] == "sales"
        assert line["correlation_id"] == "c-1"
        assert line["sale_id"] == "s-1"
        assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"

    def test_an_exception_is_logged_without_the_card_number_in_its_text(self, stream: io.StringIO) -> None:
        try:
            raise ValueError("declined: 4111111111111111")
        except ValueError:
            logging.getLogger("some.library").exception("card %s failed", "4111111111111111")
        assert "4111111111111111" not in stream.getvalue()
        assert "declined: [card number]" in str(self.line(stream)["exception"])

    def test_a_bound_pin_is_redacted(self, stream: io.StringIO) -> None:
        structlog.get_logger("test").warning("wrong", pin="1234", tries=3)
        line = self.line(stream)
        assert line["pin"] == "[redacted]"
        assert line["tries"] == 3
