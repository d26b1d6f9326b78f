"""What a covariate may say: codes, labels and measurements stay readable, people do not pass."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from retention.ingest.covariate_guard import identifying_covariates, names_a_person

N = 600
RNG = np.random.default_rng(5)
FIRST = ["Ada", "Ben", "Chloë", "Dev", "Eve", "Finn", "Gus", "Hana", "Ivy", "Jo"]
LAST = ["Lovelace", "O'Hara", "de Vries", "Okafor", "Müller", "Stone", "Park", "Ng", "Roy", "Fox"]


def found(name: str, values) -> dict[str, str]:
    """Return what is found of one covariate."""
    texts = isinstance(values[0], str)
    frame = pd.DataFrame({
        "name": name,
        "value_number": np.nan if texts else np.asarray(values, dtype=float),
        "value_text": values if texts else None,
    })  # fmt: skip
    connection = duckdb.connect(config={"threads": 1})
    connection.register("frame", frame.astype({"value_text": "string"}))
    return identifying_covariates(connection, "frame")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("zip", [f"{code:05d}" for code in RNG.integers(1000, 1200, N)]),
        ("history_segment", ["1) $0 - $100", "10000-20000", "2024-01-01"] * 200),
        ("product", [f"JEW-{number:04d}" for number in RNG.integers(0, 150, N)]),
        ("city", list(RNG.choice(["Oslo", "New York", "Bergen", "Rome"], N))),
        ("version of shop", ["web", "App Store"] * 300),
        ("income", list(RNG.lognormal(10, 1, N))),
        ("spent_rupiah", list(RNG.integers(1_000, 9_000, N) * 1_000.0)),
        ("visits", list(RNG.integers(0, 9, N))),
        ("name_length", list(RNG.integers(3, 20, N))),
    ],
)
def test_codes_labels_and_measurements_stay(name, values):
    assert found(name, values) == {}


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("who", [f"{a} {b}" for a in FIRST for b in LAST] * 6, "look like names"),
        ("handle", [f"maker{number}" for number in range(N)], "a value of its own"),
        ("reach", [f"+49 151 {n:07d}" for n in RNG.integers(0, 150, N)], "telephone"),
        ("line", [f"0151 {n:07d}" for n in RNG.integers(0, 150, N)], "telephone"),
        ("contact", list(RNG.integers(15_550_000_000, 15_559_999_999, N)), "telephone"),
        ("Customer name", ["Ada", "Ben"] * 300, "header"),
        ("eMail", ["a", "b"] * 300, "header"),
        ("phone number", [5550101.0, 5550102.0] * 300, "header"),
    ],
)
def test_names_addresses_and_numbers_of_people_are_found_whatever_the_column(name, values, why):
    assert why in found(name, values)[name]


@pytest.mark.parametrize("header", ["firstName", "EMAIL", "billing_address", "Phone No", "e-mail"])
def test_a_header_that_names_a_person_is_known_in_any_spelling(header):
    assert names_a_person(header)


@pytest.mark.parametrize("header", ["product name", "email_opens", "phone_type", "ip_count", "age"])
def test_a_header_that_only_mentions_one_is_another(header):
    assert not names_a_person(header)
