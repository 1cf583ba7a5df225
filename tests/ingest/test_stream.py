"""The stream on real servers: what is in it stays until it is settled, is in it once, and in its source's order."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.dead_letters import DeadLetters
from ingest.redis_link import StreamFull, connect
from ingest.stream import GROUP, EventStream, Outcome
from ingest.stream_keys import partition_of
from tests.ingest.entries import entries_for, new_entry, pending, read


def test_an_event_comes_back_byte_for_byte(stream: EventStream) -> None:
    event = '{"kind":"占道经营","number":1.50}'.encode()
    stream.append([new_entry(event=event)])
    [entry] = read(stream)
    assert (entry.event, entry.edge_id, entry.request_id) == (event, "laian-01", "request-1")
    assert (entry.source, entry.partition) == ("camera/east-gate", 5)


def test_the_same_event_is_a_duplicate_also_within_one_post(stream: EventStream) -> None:
    entry = new_entry()
    assert stream.append([entry, entry]).outcomes == [Outcome.APPENDED, Outcome.DUPLICATE]
    assert stream.append([entry]).outcomes == [Outcome.DUPLICATE]
    assert stream.length() == 1


def test_no_edge_makes_the_event_of_another_a_duplicate(stream: EventStream) -> None:
    first, second = new_entry("the-same"), new_entry("the-same", edge_id="dingyuan-02")
    assert stream.append([first, second, second]).outcomes == [Outcome.APPENDED, Outcome.APPENDED, Outcome.DUPLICATE]


def test_the_same_event_from_many_at_once_is_appended_once(stream: EventStream) -> None:
    entry = new_entry()
    with ThreadPoolExecutor(8) as threads:
        outcomes = [appended.outcomes[0] for appended in threads.map(stream.append, [[entry]] * 100)]
    assert outcomes.count(Outcome.APPENDED) == 1
    assert stream.length() == 1


def test_what_one_source_sends_comes_back_in_its_order_from_one_partition(stream: EventStream) -> None:
    sources = [f"camera/{number}" for number in range(40)]
    for number in range(5):
        stream.append([new_entry(event=str(number).encode(), source=source) for source in sources])
    entries = read(stream)
    assert len(entries) == 200
    assert len({entry.partition for entry in entries}) > 10
    for source in sources:
        of_source = [entry for entry in entries if entry.source == source]
        assert [entry.event for entry in of_source] == [b"0", b"1", b"2", b"3", b"4"]
        assert {entry.partition for entry in of_source} == {partition_of("laian-01", source, partitions=16)}


@pytest.mark.parametrize("first", [1, 5, 300])
def test_the_number_of_partitions_is_fixed_when_the_stream_begins(stream_url: str, first: int) -> None:
    client, prefix = connect(stream_url), f"test-{uuid.uuid4().hex}"
    earlier, later = EventStream(client, prefix=prefix, partitions=first), EventStream(client, prefix=prefix)
    earlier.append([new_entry(source=f"sensor/{number}") for number in range(40)])
    later.append([new_entry(source=f"sensor/{number}") for number in range(40)])
    assert earlier.partitions() == later.partitions() == first
    assert later.length() == 80
    later.create_group()
    assert len(read(later)) == 80
    client.close()


def test_a_gateway_that_knew_another_stream_learns_its_number(stream: EventStream, stream_url: str) -> None:
    stream.append([new_entry()])
    client = connect(stream_url)
    client.delete(*client.keys(f"{stream.keys.events(0)[:-1]}*"), stream.keys.partitions)
    client.set(stream.keys.partitions, 3)
    stream.append([new_entry(source=f"sensor/{number}") for number in range(40)])
    assert (stream.partitions(), stream.length()) == (3, 40)
    client.delete(stream.keys.partitions)
    assert stream.append([new_entry()]).outcomes == [Outcome.APPENDED]
    assert client.get(stream.keys.partitions) == b"3"
    client.close()


def test_a_group_is_created_once_and_sees_what_came_before_it(stream_url: str) -> None:
    client = connect(stream_url)
    stream = EventStream(client, prefix=f"test-{uuid.uuid4().hex}")
    stream.append([new_entry()])
    stream.create_group()
    stream.create_group()
    assert len(read(stream)) == 1
    client.close()


def test_what_was_read_and_not_settled_can_be_claimed_in_order_step_by_step(stream: EventStream) -> None:
    stream.append([new_entry() for _ in range(5)])
    entries = read(stream)
    stream.settle(entries[:1])
    partition = entries[0].partition
    assert read(stream, block_ms=1) == []
    go_on, first = stream.claim(partition, count=2)
    assert first == entries[1:3]
    assert stream.claim(partition, after=go_on, count=2) == ("0-0", entries[3:])


def test_only_what_was_left_alone_long_enough_is_claimed(stream: EventStream) -> None:
    stream.append([new_entry()])
    entries = read(stream)
    assert pending(stream, min_idle_ms=60_000) == []
    time.sleep(0.06)
    assert pending(stream, min_idle_ms=50) == entries


def test_the_stream_holds_what_is_not_done_and_no_more(stream: EventStream) -> None:
    stream.append([new_entry(source=f"camera/{number}") for number in range(20)])
    done = read(stream)[:15]
    stream.settle(done)
    assert stream.length() == 5
    assert len(pending(stream)) == 5


def test_what_is_settled_goes_to_each_sink_once(stream: EventStream, stream_url: str) -> None:
    stream.append([new_entry(event=b"\xff", source=f"camera/{number}") for number in range(20)])
    entries = read(stream)
    stream.settle(entries, ["city", "web"])
    stream.settle(entries, ["city", "web"])
    client = connect(stream_url)
    for name in ("city", "web"):
        assert entries_for(client, stream, name) == entries
    client.close()


def test_a_full_stream_takes_nothing_and_loses_nothing(stream: EventStream) -> None:
    stream.append([new_entry(source=f"camera/{number}") for number in range(1000)])
    late = new_entry()
    with pytest.raises(StreamFull, match="1000"):
        stream.append([late])
    assert stream.append([]).outcomes == []
    stream.settle(read(stream)[:1])
    assert stream.append([late]).outcomes == [Outcome.APPENDED]


def test_a_dead_letter_keeps_bytes_and_reason_and_leaves_the_stream(stream: EventStream, letters: DeadLetters) -> None:
    stream.append([new_entry(event=b"\xff not json")])
    [entry] = read(stream)
    assert [stream.count_attempt(entry) for _ in range(2)] == [1, 2]
    stream.bury(entry, "not JSON")
    [letter] = letters.letters()
    assert (letter.entry, letter.reason, letter.attempts) == (entry, "not JSON", 2)
    assert stream.dead_letter_count() == letters.count() == 1
    assert stream.length() == 0
    assert pending(stream) == []


def test_attempts_are_forgotten_with_their_entry(stream: EventStream, stream_url: str) -> None:
    stream.append([new_entry(), new_entry()])
    settled, buried = read(stream)
    for entry in (settled, buried):
        stream.count_attempt(entry)
    stream.settle([settled])
    stream.bury(buried, "no")
    client = connect(stream_url)
    assert not client.exists(stream.keys.attempts)
    client.close()


def test_two_workers_with_the_same_entry_leave_one_dead_letter(stream: EventStream, letters: DeadLetters) -> None:
    stream.append([new_entry()])
    [entry] = read(stream)
    [claimed] = pending(stream)
    stream.bury(entry, "first")
    stream.bury(claimed, "second")
    assert [letter.reason for letter in letters.letters()] == ["first"]


def test_an_entry_that_was_deleted_while_pending_is_let_go(stream: EventStream, stream_url: str) -> None:
    stream.append([new_entry()])
    [entry] = read(stream)
    client = connect(stream_url)
    key = stream.keys.events(entry.partition)
    client.xdel(key, entry.entry_id)
    assert pending(stream) == []
    assert client.xpending(key, GROUP)["pending"] == 0
    client.close()
