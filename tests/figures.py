"""Reading what a meter shows, as Prometheus does."""

from prometheus_client.parser import text_string_to_metric_families

from services.shared.ports import Meter


def figure(meter: Meter, name: str, **labels: str) -> float:
    """The sum of the samples that have this name and these labels among theirs; 0 where there are none."""
    return sum(
        value for sample, value in samples(meter.exposition()[0].decode(), name) if labels.items() <= sample.items()
    )


def samples(exposition: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each sample of this name."""
    families = text_string_to_metric_families(exposition)
    return [(sample.labels, sample.value) for family in families for sample in family.samples if sample.name == name]


def families(exposition: str) -> set[str]:
    """The names of all metrics that have a value. Counters' end in `_total`."""
    found = [family for family in text_string_to_metric_families(exposition) if family.samples]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in found}
