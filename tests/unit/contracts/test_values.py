"""Dates and times in HTTP and in messages: written out, never numbers that have to be guessed at."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.contracts.values import Day, Instant, LocalTime

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
DAY: TypeAdapter[date] = TypeAdapter(Day)
LOCAL_TIME: TypeAdapter[time] = TypeAdapter(LocalTime)


def test_what_is_written_out_is_read() -> None:
    assert INSTANT.validate_python("2026-03-02T12:00:00+01:00") == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert INSTANT.validate_json('"2026-03-02T11:00:00.5Z"') == datetime(2026, 3, 2, 11, 0, 0, 500_000, tzinfo=UTC)
    assert INSTANT.validate_python(datetime(2026, 3, 2, 11, tzinfo=UTC)) == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert DAY.validate_python("2026-03-02") == date(2026, 3, 2)
    assert LOCAL_TIME.validate_python("16:05") == time(16, 5)
    assert LOCAL_TIME.validate_python("23:59:59") == time(23, 59, 59)


@pytest.mark.parametrize("value", [0, 5, 1_700_000_000, 1.5, "0", "0.5", "1700000000", "2026-03-02", True, "noon"])
def test_a_number_is_no_point_in_time(value: Any) -> None:
    with pytest.raises(ValidationError, match="a point in time is written as in"):
        INSTANT.validate_python(value)


def test_a_point_in_time_without_its_offset_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        INSTANT.validate_python("2026-03-02T12:00:00")


@pytest.mark.parametrize("value", [0, 86_400, "0", "86400", "2026-03-02T00:00:00Z", "2.3.2026"])
def test_a_number_or_a_point_in_time_is_no_date(value: Any) -> None:
    with pytest.raises(ValidationError, match="a date is written as in 2026-03-02"):
        DAY.validate_python(value)


@pytest.mark.parametrize("value", [3_600, 0.5, "16:00:00Z", "16:00+02:00", "24:00", "7:30", "16", "16:00:00.5"])
def test_a_stores_time_of_day_has_no_zone(value: Any) -> None:
    with pytest.raises(ValidationError, match="a time of day is written as in 16:00"):
        LOCAL_TIME.validate_python(value)
