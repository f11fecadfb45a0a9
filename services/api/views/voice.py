"""What the API answers about voices."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field

from f5_tts_core.diagnosis import TranscriptFit
from services.api.views.output import Output, moment
from services.shared.voice import Voice


class SampleView(Output):
    sha256: str
    bytes: int
    duration_s: float = Field(examples=[4.2])
    sample_rate: int = Field(description="Hz.", examples=[48_000])


class ConsentView(Output):
    statement: str = Field(examples=["Anna Example agreed on 2 May 2026 that we speak our announcements in her voice."])
    given_at: datetime
    recorded: bool = Field(description="Whether a recording of it is kept.")


class ReportView(Output):
    """What was found in the sample. Levels in dB of full scale, shares 0 to 1."""

    speech_s: float = Field(description="Seconds of speech, pauses left out.", examples=[3.6])
    silence_share: float = Field(description="Share of the sample in which nobody speaks.", examples=[0.14])
    trimmed_s: float = Field(description="Seconds of silence at the edges, which are left away.", examples=[0.4])
    cut_s: float = Field(description="Seconds beyond what the model follows, which are left away.", examples=[0.0])
    used_s: float = Field(description="Seconds that the model follows.", examples=[3.8])
    level_db: float = Field(description="Of the speech (root mean square).", examples=[-21.5])
    peak_db: float = Field(description="Of the largest sample.", examples=[-4.1])
    clipped_share: float = Field(description="Share of the samples at full scale.", examples=[0.0])
    noise_db: float = Field(examples=[-62.3])
    snr_db: float = Field(description="Speech above noise.", examples=[40.8])
    noise_in_pauses: bool = Field(
        description="Whether the noise was heard in pauses. Else it is the level of the quietest moments, which may "
        "be speech: then `snr_db` is the least that it can be."
    )
    speech_rate: float | None = Field(
        description="Short sounds a second of speech, by the transcript; unhurried speech has 10 to 15.",
        examples=[12.6],
    )
    transcript_fit: TranscriptFit | None = Field(
        description="Whether a voice can say the transcript in the time; null without a transcript."
    )
    advice: list[str] = Field(
        description="What to do better, in plain words; empty where nothing is wrong.",
        examples=[["There are only 2.4 s of speech: a voice is followed better from 3 to 12 s."]],
    )


class VoiceUrls(Output):
    """Paths on this service."""

    self: str = Field(examples=["/voices/019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    sample: str = Field(examples=["/voices/019342a5b3c04f6e1a2b3c4d5e6f7a8b/sample"])
    consent: str | None = Field(
        description="Where the recording of the consent is, if there is one.",
        examples=["/voices/019342a5b3c04f6e1a2b3c4d5e6f7a8b/consent"],
    )


class VoiceView(Output):
    voice_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    name: str = Field(examples=["Anna"])
    ref_text: str | None = Field(examples=["I know that you can hear the sound of my voice."])
    language: str | None = Field(examples=["en-GB"])
    labels: dict[str, str] = Field(examples=[{"mood": "calm"}])
    consent: ConsentView
    sample: SampleView
    report: ReportView
    created_at: datetime
    updated_at: datetime
    urls: VoiceUrls


class VoiceList(Output):
    voices: list[VoiceView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


def voice_view(voice: Voice, root_path: str) -> VoiceView:
    return VoiceView(
        voice_id=voice.id,
        name=voice.name,
        ref_text=voice.ref_text,
        language=voice.language,
        labels=dict(voice.labels),
        consent=ConsentView(
            statement=voice.consent.statement,
            given_at=moment(voice.consent.given_at),
            recorded=voice.consent.recording_key is not None,
        ),
        sample=SampleView(
            sha256=voice.sample.sha256,
            bytes=voice.sample.bytes,
            duration_s=voice.report.seconds,
            sample_rate=voice.report.sample_rate,
        ),
        report=_report_view(voice),
        created_at=moment(voice.created_at),
        updated_at=moment(voice.updated_at),
        urls=_urls(voice, f"{root_path}/voices/{voice.id}"),
    )


def _report_view(voice: Voice) -> ReportView:
    """Seconds end in `_s` here, and what the sample says already is left to it."""
    found = asdict(voice.report)
    shown = {name.removesuffix("econds") if name.endswith("_seconds") else name: found[name] for name in found}
    return ReportView.model_validate(shown)


def _urls(voice: Voice, path: str) -> VoiceUrls:
    return VoiceUrls(
        self=path,
        sample=f"{path}/sample",
        consent=f"{path}/consent" if voice.consent.recording_key is not None else None,
    )
