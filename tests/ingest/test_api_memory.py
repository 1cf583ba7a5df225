"""What the gateway remembers of the API: long enough to live through an outage, short enough to forget a lost key."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

from api.client import ApiRefused, ApiUnavailable
from api.schemas import EdgeIdentity
from ingest.api_line import ApiLine
from ingest.api_memory import KEYS_MAX, EdgeKeys, Kinds, Remembered
from tests.ingest.fake_clock import FakeClock
from tests.services.processes import wait_until

LAIAN = EdgeIdentity(edge_id="laian-01", key_id=UUID(int=1))
HOUR_S = 3600.0


class FakeApi:
    """An API that knows one key and one kind, and can be away."""

    def __init__(self) -> None:
        self.known = {"right": LAIAN}
        self.known_kinds = frozenset({"manhole-open"})
        self.failure: Exception | None = None
        self.questions = 0
        self.takes_s = 0.0
        self.clock: FakeClock | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def authenticate_edge(self, key: str) -> EdgeIdentity | None:
        self._ask()
        return self.known.get(key)

    def kinds(self) -> frozenset[str]:
        self._ask()
        return self.known_kinds

    def _ask(self) -> None:
        self.questions += 1
        if self.clock:
            self.clock.now_s += self.takes_s
        assert self.go_on.wait(10)
        if self.failure:
            raise self.failure


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(api: FakeApi, clock: FakeClock) -> EdgeKeys:
    return EdgeKeys(ApiLine(api, clock=clock), clock=clock)


def test_a_known_key_is_asked_for_once_a_minute(keys: EdgeKeys, api: FakeApi, clock: FakeClock) -> None:
    assert [keys.identity_of("right") for _ in range(3)] == [LAIAN] * 3
    assert api.questions == 1
    clock.now_s += 61
    keys.identity_of("right")
    assert api.questions == 2


def test_a_withdrawn_key_is_forgotten_within_a_minute(keys: EdgeKeys, api: FakeApi, clock: FakeClock) -> None:
    keys.identity_of("right")
    api.known.clear()
    clock.now_s += 61
    assert keys.identity_of("right") is None
    api.failure = ApiUnavailable("away")
    clock.now_s += 6
    with pytest.raises(ApiUnavailable):
        keys.identity_of("right")


def test_an_unknown_key_is_asked_for_again_after_five_seconds(keys: EdgeKeys, api: FakeApi, clock: FakeClock) -> None:
    assert keys.identity_of("new") is None
    api.known["new"] = LAIAN
    assert keys.identity_of("new") is None
    clock.now_s += 6
    assert keys.identity_of("new") == LAIAN


def test_a_known_key_works_for_a_day_without_the_api(keys: EdgeKeys, api: FakeApi, clock: FakeClock) -> None:
    keys.identity_of("right")
    api.failure = ApiUnavailable("away")
    clock.now_s += 23 * HOUR_S
    assert keys.identity_of("right") == LAIAN
    clock.now_s += 2 * HOUR_S
    with pytest.raises(ApiUnavailable):
        keys.identity_of("right")


def test_during_an_outage_one_question_is_enough_for_all(keys: EdgeKeys, api: FakeApi, clock: FakeClock) -> None:
    api.known["other"] = LAIAN
    keys.identity_of("right")
    keys.identity_of("other")
    api.failure = ApiUnavailable("away")
    clock.now_s += 61
    for _ in range(10):
        assert keys.identity_of("right") == keys.identity_of("other") == LAIAN
    assert api.questions == 3


def hang(api: FakeApi, clock: FakeClock) -> None:
    """From now on each question takes the two seconds of its time-out, and fails."""
    api.failure, api.takes_s, api.clock = ApiUnavailable("timeout"), 2.0, clock


def test_of_an_api_that_hangs_one_question_waits_and_the_others_do_not(
    keys: EdgeKeys, api: FakeApi, clock: FakeClock
) -> None:
    keys.identity_of("right")
    clock.now_s += 61
    hang(api, clock)
    before = api.questions
    assert [keys.identity_of("right") for _ in range(10)] == [LAIAN] * 10
    for stranger in range(10):
        with pytest.raises(ApiUnavailable):
            keys.identity_of(f"strange-{stranger}")
    assert api.questions == before + 1


def test_an_api_that_hangs_is_waited_for_a_third_of_the_time_at_most(api: FakeApi, clock: FakeClock) -> None:
    line = ApiLine(api, clock=clock)
    hang(api, clock)
    until = clock.now_s + 600
    while clock.now_s < until:
        clock.now_s += 0.1
        with pytest.raises(ApiUnavailable):
            line.kinds()
    assert 90 <= api.questions <= 100


def test_an_api_that_is_back_answers_everybody_again(api: FakeApi, clock: FakeClock) -> None:
    line = ApiLine(api, clock=clock)
    api.failure = ApiUnavailable("connection refused")
    with pytest.raises(ApiUnavailable):
        line.kinds()
    api.failure = None
    clock.now_s += 0.3
    assert line.kinds() == {"manhole-open"}
    assert line.authenticate_edge("right") == LAIAN


@pytest.mark.parametrize("what", ["key", "kinds"])
def test_while_one_asks_again_the_others_use_the_old_answer(what: str, api: FakeApi, clock: FakeClock) -> None:
    keys, kinds = EdgeKeys(api, clock=clock), Kinds(api, clock=clock)

    def use() -> object:
        return keys.identity_of("right") if what == "key" else kinds.current()

    old = use()
    clock.now_s += 61
    api.go_on.clear()
    asking = threading.Thread(target=use)
    asking.start()
    try:
        wait_until(lambda: api.questions == 2, timeout_s=5, what="one asks")
        assert [use() for _ in range(5)] == [old] * 5
        assert api.questions == 2
    finally:
        api.go_on.set()
        asking.join()


def test_what_is_remembered_is_told_without_asking(keys: EdgeKeys, api: FakeApi, clock: FakeClock) -> None:
    assert keys.remembered("right") == Remembered(identity=None, fresh=False)
    keys.identity_of("right")
    assert keys.remembered("right") == Remembered(identity=LAIAN, fresh=True)
    clock.now_s += 61
    assert keys.remembered("right") == Remembered(identity=LAIAN, fresh=False)
    assert api.questions == 1


def test_an_unknown_key_during_an_outage_is_no_refusal(keys: EdgeKeys, api: FakeApi) -> None:
    api.failure = ApiUnavailable("away")
    with pytest.raises(ApiUnavailable):
        keys.identity_of("right")


@pytest.mark.parametrize(("status", "unknown"), [(422, True), (400, True), (401, False), (403, False)])
def test_only_a_refused_edge_key_is_unknown_not_a_refused_gateway(
    keys: EdgeKeys, api: FakeApi, status: int, unknown: bool
) -> None:
    api.failure = ApiRefused(status, "no")
    if unknown:
        assert keys.identity_of("strange") is None
    else:
        with pytest.raises(ApiRefused):
            keys.identity_of("strange")


def test_guessed_keys_do_not_fill_the_memory_nor_push_out_an_edge(keys: EdgeKeys, api: FakeApi) -> None:
    keys.identity_of("right")
    for guess in range(KEYS_MAX + 10):
        keys.identity_of(f"guess-{guess}")
    questions = api.questions
    assert keys.identity_of("right") == LAIAN
    assert api.questions == questions
    assert len(keys._known) <= KEYS_MAX


def test_the_keys_themselves_are_not_kept(keys: EdgeKeys) -> None:
    keys.identity_of("right")
    assert b"right" not in keys._known
    assert "right" not in repr(keys._known)


def test_kinds_outlive_an_outage_once_heard(api: FakeApi, clock: FakeClock) -> None:
    kinds = Kinds(api, clock=clock)
    api.failure = ApiUnavailable("away")
    with pytest.raises(ApiUnavailable):
        kinds.current()
    api.failure = None
    assert kinds.current() == {"manhole-open"}
    api.failure = ApiUnavailable("away")
    clock.now_s += 61
    assert kinds.current() == {"manhole-open"}
    assert not kinds.api_answers


def test_kinds_are_asked_for_once_while_the_api_hangs(api: FakeApi, clock: FakeClock) -> None:
    kinds = Kinds(api, clock=clock)
    kinds.current()
    clock.now_s += 61
    hang(api, clock)
    api.takes_s = 5.0
    for _ in range(10):
        assert kinds.current() == {"manhole-open"}
    assert api.questions == 2


def test_a_kind_is_asked_for_again_before_it_counts_as_unknown(api: FakeApi, clock: FakeClock) -> None:
    kinds = Kinds(api, clock=clock)
    assert "snow-on-roof" not in kinds
    api.known_kinds |= {"snow-on-roof"}
    assert "snow-on-roof" not in kinds
    clock.now_s += 6
    assert "snow-on-roof" in kinds
    assert api.questions == 2
