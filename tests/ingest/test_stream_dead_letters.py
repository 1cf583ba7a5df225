"""Dead letters: listed in pages, replayed once and whole, dropped for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.dead_letters import DeadLetters
from ingest.redis_link import connect
from ingest.stream import EventStream, Outcome, StreamEntry
from tests.ingest.entries import new_entry, read


@pytest.fixture
def buried(stream: EventStream) -> list[StreamEntry]:
    """Five entries of as many sources that became dead letters, the first one first."""
    stream.append([new_entry(f"event-{number}", b"\xff", source=f"camera/{number}") for number in range(5)])
    entries = read(stream)
    for entry in entries:
        stream.bury(entry, f"fault of {entry.source}")
    return entries


def test_letters_come_page_by_page_the_oldest_first(letters: DeadLetters, buried: list[StreamEntry]) -> None:
    first = letters.letters(count=2)
    rest = letters.letters(after=first[-1].letter_id, count=10)
    assert [letter.entry for letter in first + rest] == buried
    assert letters.letters(after=rest[-1].letter_id) == []


def test_a_letter_is_found_by_its_id(letters: DeadLetters, buried: list[StreamEntry]) -> None:
    [letter] = letters.letters(count=1)
    assert letters.find(letter.letter_id) == letter
    assert letter.reason == f"fault of {buried[0].source}"


@pytest.mark.parametrize("letter_id", ["1-1", "", "-", "+", "(1-1", "rubbish", "1" * 40 + "-1"])
def test_what_names_no_letter_finds_replays_and_drops_none(
    letters: DeadLetters, buried: list[StreamEntry], letter_id: str
) -> None:
    assert letters.find(letter_id) is None
    assert not letters.replay(letter_id)
    assert not letters.drop(letter_id)
    assert letters.count() == len(buried)


def test_a_replayed_letter_is_in_its_partition_again_as_it_was(
    stream: EventStream, letters: DeadLetters, buried: list[StreamEntry]
) -> None:
    assert stream.append([new_entry("event-0", source="camera/0")]).outcomes == [Outcome.DUPLICATE]
    [letter] = [letter for letter in letters.letters() if letter.entry.source == "camera/0"]
    assert letters.replay(letter.letter_id)
    [entry] = read(stream)
    assert (entry.event, entry.edge_id, entry.received_at, entry.request_id, entry.source, entry.partition) == (
        letter.entry.event,
        letter.entry.edge_id,
        letter.entry.received_at,
        letter.entry.request_id,
        letter.entry.source,
        letter.entry.partition,
    )
    assert letters.count() == len(buried) - 1


@pytest.mark.parametrize("partitions", [3, None])
def test_in_a_stream_of_fewer_partitions_a_letter_comes_back_where_somebody_reads(
    stream: EventStream, stream_url: str, letters: DeadLetters, buried: list[StreamEntry], partitions: int | None
) -> None:
    client = connect(stream_url)
    if partitions is None:
        client.delete(stream.keys.partitions)  # As documented before the number changes; nobody has begun it anew yet.
    else:
        client.set(stream.keys.partitions, partitions)
    assert all(letters.replay(letter.letter_id) for letter in letters.letters())
    again = EventStream(client, prefix=stream.prefix, partitions=partitions or 1)
    assert sorted(entry.source for entry in read(again)) == sorted(entry.source for entry in buried)
    client.close()


def test_many_that_replay_one_letter_at_once_replay_it_once(
    stream: EventStream, letters: DeadLetters, buried: list[StreamEntry]
) -> None:
    letter_id = letters.letters(count=1)[0].letter_id
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(letters.replay, [letter_id] * 20)).count(True) == 1
    assert len(read(stream)) == 1
    assert letters.count() == len(buried) - 1


def test_a_replayed_letter_may_die_again(stream: EventStream, letters: DeadLetters, buried: list[StreamEntry]) -> None:
    assert letters.replay(letters.letters(count=1)[0].letter_id)
    [entry] = read(stream)
    stream.bury(entry, "again")
    assert [letter.reason for letter in letters.letters()][-1] == "again"
    assert letters.count() == len(buried)


def test_a_dropped_letter_is_gone(stream: EventStream, letters: DeadLetters, buried: list[StreamEntry]) -> None:
    letter_id = letters.letters(count=1)[0].letter_id
    assert letters.drop(letter_id)
    assert not letters.drop(letter_id)
    assert (letters.count(), stream.length()) == (len(buried) - 1, 0)
