"""Tables: which columns are what, how they become numbers, and what is refused."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars
import pytest

from fedprune.data.errors import DataError
from fedprune.data.own import Own
from fedprune.data.table import Columns, own_table

ROWS: dict[str, list[Any]] = {
    "age": [30, 41, 52, 63],
    "smoker": [True, False, True, False],
    "city": ["Bonn", "Ulm", "Bonn", "Jena"],
    "ward": ["w1", "w2", "w1", "w2"],
    "ill": ["no", "no", "yes", "yes"],
}


def made(columns: Columns, test: dict[str, list[Any]] | None = None, **changes: list[Any]) -> Own:
    tested = None if test is None else polars.DataFrame(test)
    return own_table("here", polars.DataFrame({**ROWS, **changes}), tested, columns)


def test_numbers_stay_truth_values_become_one_and_texts_a_column_each() -> None:
    own = made(Columns(("ill",), client="ward"))
    assert own.names == ("age", "smoker", "city=Bonn", "city=Jena", "city=Ulm")
    assert own.training.x.tolist() == [[30, 1, 1, 0, 0], [41, 0, 0, 0, 1], [52, 1, 1, 0, 0], [63, 0, 0, 1, 0]]
    assert own.training.y.tolist() == ROWS["ill"]
    assert own.training.owners is not None
    assert own.training.owners.tolist() == ROWS["ward"]


def test_a_text_that_only_occurs_in_the_test_split_becomes_zeros() -> None:
    own = made(Columns(("ill",), features=("city",)), {**ROWS, "city": ["Kiel"] * 4})
    assert own.test is not None
    assert not own.test.x.any()


def test_chosen_features_are_taken_in_their_order() -> None:
    own = made(Columns(("ill",), features=("smoker", "age")))
    assert own.names == ("smoker", "age")
    assert own.training.x[1].tolist() == [0, 41]


def test_several_target_columns_are_one_target_of_several_values() -> None:
    own = made(Columns(("age", "smoker"), features=("city",)))
    assert own.training.y.tolist() == [[30, 1], [41, 0], [52, 1], [63, 0]]


def test_a_column_of_lists_is_one_array_and_token_ids_if_they_are_whole() -> None:
    lists = [[1.5, 2.0], [0.0, 1.0], [2.0, 2.0], [3.0, 1.0]]
    own = made(Columns(("ill",), features=("series",)), series=lists)
    assert (own.training.x.tolist(), own.vocabulary) == (lists, None)
    tokens = made(Columns(("ill",), features=("series",)), series=[[1, 2], [0, 4], [2, 2], [3, 1]])
    assert tokens.vocabulary == 5


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        (Columns(), {}, "say with data.target which column to predict; columns are age, smoker"),
        (Columns(("il",)), {}, "no column 'il', did you mean 'ill'"),
        (Columns(("ill",), client="wrd"), {}, "no column 'wrd', did you mean 'ward'"),
        (
            Columns(("ill",), features=("ill",)),
            {},
            "column 'ill' is the target; leave it out of data.features",
        ),
        (Columns(("ill",)), {"age": [1, None, 3, None]}, "column 'age' has 2 missing values; fill them"),
        (Columns(("ill",)), {"ill": ["no", None, "no", "yes"]}, "column 'ill' has 1 missing values"),
        (Columns(("ill",)), {"day": [datetime.date(2020, 1, 1)] * 4}, "column 'day' is Date; turn it into"),
        (Columns(("ill",), features=("s",)), {"s": [[1], [2, 3], [1], [1]]}, "lists in column 's' differ"),
        (Columns(("ill", "age")), {}, "several targets must be columns of numbers"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_to_do(
    columns: Columns, changes: dict[str, list[Any]], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        made(columns, **changes)
    assert str(caught.value).startswith("here: ")


def test_more_texts_than_can_be_categories_are_refused() -> None:
    frame = polars.DataFrame({"id": [f"p{row}" for row in range(60)], "ill": [0, 1] * 30})
    with pytest.raises(DataError, match="column 'id' has 60 different texts, too many"):
        own_table("here", frame, None, Columns(("ill",)))


def test_categories_and_numbers_of_any_width_are_read() -> None:
    frame = polars.DataFrame(ROWS).with_columns(
        polars.col("city").cast(polars.Categorical), polars.col("age").cast(polars.UInt8)
    )
    own = own_table("here", frame, None, Columns(("ill",), features=("city", "age")))
    assert own.names == ("city=Bonn", "city=Jena", "city=Ulm", "age")
    np.testing.assert_array_equal(own.training.x[:, 3], ROWS["age"])
