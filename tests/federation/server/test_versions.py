"""Versions are a mapping of client to round that no round changes, whoever takes part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.federation.server.versions import PAGE, Versions

clients = st.one_of(st.integers(0, 3 * PAGE), st.integers(0, 10_000_000))
rounds = st.dictionaries(clients, st.integers(1, 2**31 - 1), max_size=20)


@settings(derandomize=True, deadline=None)
@given(st.lists(rounds, max_size=6))
def test_they_are_what_a_dict_would_be_and_stay_so(news: list[dict[int, int]]) -> None:
    plain: dict[int, int] = {}
    states = [(Versions(), dict(plain))]
    for newer in news:
        plain |= newer
        states.append((states[-1][0].with_newer(newer), dict(plain)))
    for versions, expected in states:
        assert dict(versions) == expected
        assert list(versions) == sorted(expected)
        assert len(versions) == len(expected)
        table = versions.table()
        assert (table.dtype, table.tolist()) == (
            np.dtype(np.int64),
            [[c, expected[c]] for c in sorted(expected)],
        )
        assert Versions.of(table) == versions


def test_a_client_without_a_version_has_none() -> None:
    versions = Versions().with_newer({3: 7})
    assert versions[3] == 7
    assert 4 not in versions
    assert versions.get(PAGE, 0) == 0
    with pytest.raises(KeyError):
        versions[4]


def test_a_round_of_a_hundred_copies_no_more_than_their_pages() -> None:
    everybody = Versions.of(np.stack([np.arange(100_000), np.ones(100_000, np.int64)], axis=1))
    assert sum(page.nbytes for page in everybody.pages.values()) < 4 * (100_000 + PAGE)
    after = everybody.with_newer(dict.fromkeys(range(0, 100_000, 1000), 2))
    copied = [place for place in after.pages if after.pages[place] is not everybody.pages[place]]
    assert len(copied) == 100
    assert (everybody[1000], after[1000], after[1001]) == (1, 2, 1)
