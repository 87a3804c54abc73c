"""Whether and when to try again."""

from __future__ import annotations

import random

import httpx
import pytest

from tmdbfusion_scrapy.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    ResponseError,
    ServerError,
    TMDBError,
    ValidationError,
    error_from_exception,
)
from tmdbfusion_scrapy.retrying import RetryPolicy, may_send_again


def longest(low: float, high: float) -> float:
    assert low == 0
    return high


POLICY = RetryPolicy(times=3, base_delay=1.0, max_delay=10.0, jitter=longest)


def error(cls: type[TMDBError] = ServerError, method: str | None = "GET", **attributes: float) -> TMDBError:
    made = cls("failed", method=method)
    vars(made).update(attributes)
    return made


def test_waits_double_up_to_the_cap():
    policy = RetryPolicy(times=10, base_delay=1.0, max_delay=10.0, jitter=longest)
    assert [policy.delay(error(), attempt) for attempt in range(1, 8)] == [1, 2, 4, 8, 10, 10, 10]


def test_full_jitter_is_drawn_from_zero_to_the_bound():
    policy = RetryPolicy(base_delay=2.0, max_delay=10.0, jitter=random.Random(7).uniform)
    drawn = [policy.backoff(2) for _ in range(2000)]
    assert all(0 <= delay <= 4 for delay in drawn if delay is not None)
    assert None not in drawn
    tenths = {int(delay / 0.4) for delay in drawn if delay is not None}
    assert tenths >= set(range(10))


def test_default_jitter_is_random():
    policy = RetryPolicy(base_delay=1.0)
    assert len({policy.backoff(1) for _ in range(20)}) > 1


def test_many_attempts_stay_below_the_cap():
    assert POLICY.backoff(5000) == 10.0
    assert RetryPolicy(base_delay=0.0, jitter=longest).backoff(70) == 0.0


def test_gives_up_after_the_last_retry():
    assert POLICY.delay(error(), 3) is not None
    assert POLICY.delay(error(), 4) is None
    assert RetryPolicy(times=0).delay(error(), 1) is None


def test_number_of_retries_of_one_call():
    assert POLICY.delay(error(), 1, times=0) is None
    assert POLICY.delay(error(), 9, times=9) == 10.0
    assert POLICY.delay(error(), 10, times=9) is None


@pytest.mark.parametrize("cls", [AuthenticationError, NotFoundError, ValidationError])
def test_final_errors_are_not_tried_again(cls):
    assert POLICY.delay(error(cls), 1) is None


@pytest.mark.parametrize("cls", [RateLimitError, ServerError, ResponseError])
def test_temporary_errors_are_tried_again(cls):
    assert POLICY.delay(error(cls), 1) == 1.0


def test_what_the_error_says_of_itself_counts():
    assert POLICY.delay(error(ServerError, retryable=False), 1) is None
    assert POLICY.delay(error(NotFoundError, retryable=True), 1) == 1.0


@pytest.mark.parametrize(("asked", "delay"), [(0.0, 1.0), (0.5, 1.0), (7.0, 7.0), (10.0, 10.0), (10.1, None)])
def test_retry_after_is_kept_to_or_ends_the_retries(asked, delay):
    for cls in (RateLimitError, ServerError):
        assert POLICY.delay(error(cls, retry_after=asked), 1) == delay


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_a_call_that_may_have_worked_is_not_sent_again(method):
    read = error_from_exception(httpx.ReadTimeout("no answer"), method=method)
    reset = error_from_exception(httpx.ReadError("reset"), method=method)
    for failed in (error(ServerError, method), error(ResponseError, method), read, reset):
        assert not may_send_again(failed)
        assert POLICY.delay(failed, 1) is None


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("unsent", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_call_that_was_not_carried_out_is_sent_again(method, unsent):
    assert POLICY.delay(error(RateLimitError, method), 1) == 1.0
    assert POLICY.delay(error_from_exception(unsent("no connection"), method=method), 1) == 1.0


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", None])
def test_reading_can_always_be_sent_again(method):
    assert may_send_again(error(ServerError, method))


@pytest.mark.parametrize("times", [-1, True, 1.5, "2", None])
def test_bad_number_of_retries(times):
    with pytest.raises(ConfigurationError, match="retries"):
        RetryPolicy(times=times)


@pytest.mark.parametrize("name", ["base_delay", "max_delay"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "1", None])
def test_bad_delay(name, value):
    with pytest.raises(ConfigurationError, match=name):
        RetryPolicy(**{name: value})
