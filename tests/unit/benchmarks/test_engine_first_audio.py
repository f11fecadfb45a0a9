"""When the first audio of a streamed request is noted."""

from benchmarks.engine.first_audio import first_audio_seconds, speak
from f5_tts_core.testing import ToneEngine, speech_like, wav_bytes
from f5_tts_core.types import Reference, SynthesisRequest

REFERENCE = Reference(wav_bytes(speech_like(2.5)), "What is said in the reference.")


def test_the_first_piece_is_timed_and_the_rest_too() -> None:
    engine = ToneEngine()
    engine.load()
    run = speak(engine, SynthesisRequest("Some words to say.", REFERENCE, nfe_step=4, stream=True))
    assert len(run["pieces"]) == 4
    assert 0 < first_audio_seconds(run) <= run["pieces"][-1][0] <= run["seconds"]
    assert abs(sum(seconds for _, seconds in run["pieces"]) - run["speech_seconds"]) < 1e-6
