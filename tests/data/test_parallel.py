from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from skin.data.parallel import available_cpus, map_ahead


def test_results_come_in_order_and_few_wait():
    begun = []

    def task(number: int) -> int:
        begun.append(number)
        return number * number

    with ThreadPoolExecutor(2) as pool:
        for taken, result in enumerate(map_ahead(pool, task, range(50), ahead=4)):
            assert result == taken * taken
            assert max(begun) <= taken + 4


def test_an_error_ends_it():
    begun = []

    def task(number: int) -> int:
        begun.append(number)
        return 1 // (3 - number)

    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        list(map_ahead(pool, task, range(100), ahead=8))
    assert max(begun) <= 3 + 8


def test_there_is_a_processor():
    assert available_cpus() >= 1
