"""Any ``Retry-After`` that a server may send makes nobody less patient than none."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.rate_simulation import result_of
from tmdbfusion_scrapy.exceptions import RateLimitError, ServerError, error_from_response, parse_retry_after
from tmdbfusion_scrapy.rate_limit import InProcessState, RateLimit, RateLimitMember
from tmdbfusion_scrapy.retrying import RetryPolicy

pytestmark = pytest.mark.once

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)

HEADERS = st.one_of(
    st.text(max_size=60),
    st.integers().map(str),
    st.floats().map(str),
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.datetimes(timezones=st.just(timezone.utc)).map(lambda at: format_datetime(at, usegmt=True)),
    st.timedeltas(timedelta(-9), timedelta(9)).map(lambda gap: format_datetime(NOW + gap, usegmt=True)),
    st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} [-+A-Z0-9]{0,6}\Z"),
)


@given(HEADERS, st.integers(1, 12), st.integers(0, 2**32), st.sampled_from([429, 500, 502, 503, 504]))
@example("0", 1, 1, 429)
@example("-1", 1, 1, 503)
@example("nan", 1, 1, 429)
@example("inf", 1, 1, 429)
@example("1e999", 1, 1, 503)
@example("9" * 5000, 1, 1, 429)
@example("Sun, 06 Nov 1994 08:49:37 GMT", 1, 1, 429)
@example("Fri, 31 Dec 9999 23:59:59 -2359", 1, 1, 429)
def test_a_retry_is_never_less_patient_than_without_the_header(value, attempt, seed, status):
    error = error_from_response(status, {"retry-after": value}, b"", method="GET", now=NOW)
    assert isinstance(error, RateLimitError | ServerError)
    asked = error.retry_after
    assert asked is None or asked >= 0

    def policy():
        return RetryPolicy(times=20, max_delay=120.0, jitter=random.Random(seed).uniform)

    without, delay = policy().backoff(attempt), policy().delay(error, attempt)
    assert without is not None
    if delay is None:
        # The server asks for more than anybody would wait: given up, and on record.
        assert asked is not None
        assert asked > 120
    else:
        assert delay == max(without, asked or 0.0)
        assert delay <= 120


@given(HEADERS, st.integers(0, 2**32))
@example("0", 1)
@example("0.001", 1)
def test_a_pause_after_a_429_is_never_shorter_than_without_the_header(value, seed):
    asked = parse_retry_after(value, now=NOW)

    def pause(retry_after):
        state = InProcessState(RateLimit(jitter=random.Random(seed).uniform), 1000.0)
        member = RateLimitMember(40)
        state.join(member, 1000.0)
        assert result_of(state.acquire(member, 1000.0)) == 0.0
        result_of(state.answered(1000.0, 1000.0, 429, retry_after))
        return result_of(state.acquire(member, 1000.0))

    assert pause(asked) >= pause(None) >= 1.0
    assert pause(asked) <= RateLimit().longest_pause
