"""A voice as the JSON document that stores keep. Shared between releases as jobs are."""

from f5_tts_core.diagnosis import Diagnosis
from services.shared.job_codec import encode_record, from_known_fields, read_record
from services.shared.voice import Consent, Sample, Voice


def encode_voice(voice: Voice) -> str:
    return encode_record(voice)


def decode_voice(document: str) -> Voice:
    """Raises `JobStoreUnavailable` on a record that only a newer release can read."""
    values = read_record(document)
    report = {**values["report"], "advice": tuple(values["report"]["advice"])}
    values["report"] = from_known_fields(Diagnosis, report)
    values["sample"] = from_known_fields(Sample, values["sample"])
    values["consent"] = from_known_fields(Consent, values["consent"])
    return from_known_fields(Voice, values)
