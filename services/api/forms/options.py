"""How a text is to be spoken: the fields of all routes that speak, their bounds and what the documentation says."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from f5_tts_core import limits
from f5_tts_core.errors import UnsupportedEncoding
from f5_tts_core.formats import BIT_DEPTHS, FORMATS, MAX_BITRATE, MIN_BITRATE, SAMPLE_RATES, AudioFormat, Encoding
from services.api.errors import InvalidField
from services.api.forms.languages import Language
from services.shared.settings import Settings

MAX_MODEL_CHARACTERS = 256

Preset = Literal["quality", "balanced", "fast"]
# The numbers arrive as text, which pydantic's `Literal` does not read; `Encoding.of` holds them to the list.
SampleRate = Annotated[int, Field(json_schema_extra={"enum": list(SAMPLE_RATES)})]
BitDepth = Annotated[int, Field(json_schema_extra={"enum": list(BIT_DEPTHS)})]

_LOSSY = ", ".join(name for name, audio_format in FORMATS.items() if audio_format.bitrate)


class SpeechOptions(BaseModel):
    """How to speak. What is left out falls to the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed: Annotated[
        float | None,
        Field(ge=limits.MIN_SPEED, le=limits.MAX_SPEED, allow_inf_nan=False, description="2 is twice as fast."),
    ] = None
    remove_silence: Annotated[bool, Field(description="Shorten long pauses in what was spoken.")] = False
    language: Annotated[
        Language | None,
        Field(
            description="What the text is in, as a BCP 47 tag; one that the model does not speak is refused. Left out, "
            "it is told from the text. The job has it; how the text is read does not depend on it.",
            examples=["en-GB"],
        ),
    ] = None
    seed: Annotated[
        int | None,
        Field(ge=0, le=limits.MAX_SEED, description="The same seed speaks the same request the same way."),
    ] = None
    nfe_step: Annotated[
        int | None,
        Field(ge=limits.MIN_NFE_STEP, le=limits.MAX_NFE_STEP, description="Solver steps; wins over `preset`."),
    ] = None
    cfg_strength: Annotated[
        float | None,
        Field(ge=0, le=limits.MAX_CFG_STRENGTH, allow_inf_nan=False, description="How firmly to follow the voice."),
    ] = None
    preset: Annotated[Preset | None, Field(description="Quality for time: 32, 16 or 7 solver steps.")] = None
    format: Annotated[
        AudioFormat,
        Field(description="What to encode the audio as: `opus` in Ogg, `aac` in ADTS, `pcm` as bare 16-bit samples."),
    ] = "wav"
    sample_rate: Annotated[SampleRate, Field(description="Hz. Opus has 8000, 16000, 24000 and 48000 only.")] = (
        limits.SAMPLE_RATE
    )
    bit_depth: Annotated[
        BitDepth | None, Field(description="Bits a sample, 16 if left out; 24 for wav and flac, 32 (float) for wav.")
    ] = None
    bitrate: Annotated[
        int | None,
        Field(
            ge=MIN_BITRATE,
            le=MAX_BITRATE,
            description=f"kbit/s, for {_LOSSY} only. What is possible depends on format and rate.",
        ),
    ] = None
    loudness: Annotated[
        float | None,
        Field(
            ge=limits.MIN_LOUDNESS,
            le=limits.MAX_LOUDNESS,
            allow_inf_nan=False,
            description="LUFS (ITU-R BS.1770) to bring the speech to; peaks stay below -1 dBTP. Left out: as spoken.",
        ),
    ] = None
    trim: Annotated[bool, Field(description="Cut silence off both ends.")] = False
    cache: Annotated[
        bool | None,
        Field(
            description="Whether an identical request of yours, made before, may have been the one that is spoken, and "
            "this one may be for later ones. Left out: where there is a `seed`, since the audio is the same then."
        ),
    ] = None

    model: Annotated[
        str | None,
        Field(
            max_length=MAX_MODEL_CHARACTERS,
            description="Which model is to speak, where the service holds several: `GET /v1/models` lists them. Left "
            "out, one of them is drawn, by the shares that the service gives them. The job has it.",
            examples=["F5TTS_v1_Base"],
        ),
    ] = None

    def encoding(self) -> Encoding:
        """Raises `InvalidField` for what does not go together."""
        try:
            return Encoding.of(self.format, self.sample_rate, self.bit_depth, self.bitrate)
        except UnsupportedEncoding as error:
            raise InvalidField(str(error), field=error.field, accepted=error.accepted) from error

    def may_be_cached(self, settings: Settings) -> bool:
        return settings.result_cache and (self.seed is not None if self.cache is None else self.cache)

    def steps(self, settings: Settings) -> int:
        if self.nfe_step is not None:
            return self.nfe_step
        return limits.PRESETS[self.preset] if self.preset is not None else settings.nfe_step
