from f5_tts_core.cache import WeighedCache


def cache_of(max_weight: int) -> WeighedCache[str]:
    return WeighedCache(max_weight, len)


def test_a_kept_value_is_not_made_again() -> None:
    cache, made = cache_of(10), []
    for _ in range(3):
        cache.get("key", lambda: made.append(1) or "value")  # type: ignore[func-returns-value]
    assert made == [1]


def test_the_least_recently_used_is_forgotten_first() -> None:
    cache = cache_of(10)
    cache.get("a", lambda: "x" * 5)
    cache.get("b", lambda: "x" * 5)
    cache.get("a", lambda: "made again")
    cache.get("c", lambda: "x" * 5)
    assert cache.get("a", lambda: "made again") == "x" * 5
    assert cache.get("b", lambda: "again") == "again"


def test_the_weight_stays_within_its_bound() -> None:
    cache = cache_of(100)
    for index in range(1_000):
        cache.get(index, lambda: "x" * 30)
    assert cache.weight == 90
    assert len(cache) == 3


def test_a_value_heavier_than_the_cache_is_not_kept() -> None:
    cache = cache_of(10)
    assert cache.get("big", lambda: "x" * 11) == "x" * 11
    assert (len(cache), cache.weight) == (0, 0)


def test_cleared_it_holds_nothing_and_has_room_again() -> None:
    cache = cache_of(10)
    cache.get("a", lambda: "x" * 10)
    cache.clear()
    assert (len(cache), cache.weight) == (0, 0)
    assert cache.get("a", lambda: "made again") == "made again"
