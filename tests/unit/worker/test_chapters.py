"""Long texts: spoken a chunk at a time, each of which is kept, so that nothing is spoken twice."""

import io
from dataclasses import replace
from itertools import count
from threading import Barrier, Lock

import pytest

from f5_tts_core.audio import decode
from f5_tts_core.engine import EngineConfig, ignore, never
from f5_tts_core.errors import NotFiniteOutput, UnsupportedCharacters
from f5_tts_core.testing import ToneEngine, speech_like, wav_bytes
from f5_tts_core.types import Reference, SynthesisRequest
from services.shared.chunks import chunk_prefix, decode_playlist, playlist_key
from services.shared.errors import BlobNotFound
from services.shared.job import JobStatus, Speaker, claim, output_key, output_prefix, request_cancel, text_key
from services.shared.lane import Lane
from services.shared.priority import Priority
from services.shared.voice import sample_key
from services.worker.orphans import OrphanSearch
from tests.long_text import SENTENCES, TEXT
from tests.unit.worker.conftest import REFERENCE, CuedEngine

STEPS = 7


def spoken(bench):
    """The chunks that the engine was asked for."""
    return [request.text for request in bench.engine.requests]


def chunks(bench, job):
    return sorted(key for key in bench.blobs.blobs if key.startswith(chunk_prefix(job.id)) and key.endswith(".flac"))


def run(bench, text=TEXT, **overrides):
    job = bench.submit_long(text, **overrides)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    return bench.jobs.get(job.id)


def dying(bench, after):
    """The engine's `after`th chunk never comes back, and the lease runs out."""

    def die():
        if len(bench.engine.requests) == after:
            bench.clock.advance(60.0)
            rival = bench.jobs.get(job.id)
            bench.jobs.replace(rival, claim(rival, "worker-b", bench.clock(), 0.0))

    job = bench.submit_long(TEXT)
    bench.engine.cues = {3: die}
    assert bench.runner().run(job.id) is None
    bench.engine.cues = {}
    return job


def test_a_long_text_is_spoken_in_chunks_and_is_one_file(bench):
    job = run(bench)
    assert len(spoken(bench)) > 5
    assert " ".join(spoken(bench)) == TEXT
    content = bench.blobs.get(job.output.key)
    assert (job.output.key, job.output.sha256) == (output_key(job.id, 1, "wav"), bench.stored_sha256(job))
    assert decode(content, max_seconds=1e6).seconds == pytest.approx(job.output.duration_seconds)
    assert job.output.duration_seconds > 30
    assert (job.output.seed, job.metrics["chunks"], job.metrics["chunks_reused"]) == (7, len(spoken(bench)), 0)
    assert {"plan_seconds", "synthesis_seconds", "assembly_seconds", "upload_seconds", "total_seconds"} <= set(
        job.metrics
    )
    # Nothing is left of what was sent.
    assert not [key for key in bench.blobs.blobs if key.startswith("inputs/")]


def test_each_chunk_has_a_seed_of_its_own_which_its_place_has_no_part_in(bench):
    run(bench)
    seeds = {request.text: request.seed for request in bench.engine.requests}
    assert len(set(seeds.values())) == len(seeds)
    bench.engine.requests.clear()
    run(
        bench,
        "Something comes before it all, and it is long enough to be a passage by itself, perhaps. " + TEXT,
        cache=False,
    )
    again = {request.text: request.seed for request in bench.engine.requests}
    assert len(again.keys() & seeds.keys()) > len(seeds) - 3
    assert all(seeds[text] == again[text] for text in again.keys() & seeds.keys())


def test_what_is_coming_is_told_before_it_is_spoken(bench):
    job = bench.submit_long(TEXT)
    told = []
    bench.engine.cues = {1: lambda: told.append(bench.blobs.get(playlist_key(job.id, 1)))}
    bench.runner().run(job.id)
    entries = decode_playlist(told[0])
    assert len(entries) == len(spoken(bench))
    assert [entry.ends_turn for entry in entries] == [False] * (len(entries) - 1) + [True]


def test_progress_grows_over_all_chunks(bench):
    job = bench.submit_long(TEXT)
    seen = []
    bench.engine.cues = {step: lambda: seen.append(bench.jobs.get(job.id).progress) for step in range(1, STEPS + 1)}
    bench.runner().run(job.id)
    assert seen == sorted(seen)
    assert len(set(seen)) == len(spoken(bench)) * STEPS


# --- what is there already ----------------------------------------------------------------------


def test_after_a_crash_only_what_is_missing_is_spoken(bench):
    job = dying(bench, after=4)
    assert len(chunks(bench, job)) == 3
    whole = spoken(bench)
    bench.engine.requests.clear()

    assert bench.runner("worker-c").run(job.id) is JobStatus.SUCCEEDED
    assert spoken(bench)[0] == whole[3]
    assert " ".join(whole[:3] + spoken(bench)) == TEXT
    done = bench.jobs.get(job.id)
    assert done.metrics["chunks_reused"] == 3
    untroubled = run(bench, cache=False)
    assert done.output.sha256 == untroubled.output.sha256


def test_an_attempt_that_lost_its_job_keeps_nothing_more(bench):
    job = dying(bench, after=4)
    kept = chunks(bench, job)
    assert len(kept) == 3
    assert bench.jobs.get(job.id).attempt == 2


def test_an_edit_speaks_what_changed_alone(bench):
    first = run(bench)
    before = spoken(bench)
    bench.engine.requests.clear()

    edited = TEXT.replace("house 20", "house number 20")
    job = run(bench, edited)
    assert 1 <= len(spoken(bench)) <= 3
    assert "house number 20" in " ".join(spoken(bench))
    assert not set(spoken(bench)) & set(before)
    assert job.metrics["chunks_reused"] == job.metrics["chunks"] - len(spoken(bench))
    assert not job.output.cached

    bench.engine.requests.clear()
    anew = run(bench, edited, cache=False)
    assert len(spoken(bench)) == anew.metrics["chunks"]
    assert (job.output.sha256, first.output.sha256 == job.output.sha256) == (anew.output.sha256, False)


def test_a_longer_text_begins_with_what_was_spoken(bench):
    run(bench, " ".join(SENTENCES[:14]))
    bench.engine.requests.clear()
    job = run(bench)
    assert job.metrics["chunks_reused"] >= len(spoken(bench)) - 3


def test_other_formats_and_ends_are_made_of_the_same_chunks(bench):
    run(bench)
    bench.engine.requests.clear()
    job = run(bench, format="mp3", loudness=-20.0, trim=True, remove_silence=True, sample_rate=48_000)
    assert spoken(bench) == []
    assert job.output.loudness_lufs == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize(
    "change",
    [{"speed": 1.5}, {"seed": 8}, {"nfe_step": 9}, {"cfg_strength": 1.0}, {"ref_text": "What the reference may say."}],
)
def test_whatever_changes_the_sound_is_spoken_anew(bench, change):
    run(bench)
    bench.engine.requests.clear()
    assert run(bench, **change).metrics["chunks_reused"] == 0
    assert len(spoken(bench)) > 5


def test_another_owners_chunks_are_nobody_elses(bench):
    run(bench, owner="anna")
    bench.engine.requests.clear()
    assert run(bench, owner="ben").metrics["chunks_reused"] == 0
    bench.engine.requests.clear()
    assert run(bench, TEXT + " And more.", owner="anna").metrics["chunks_reused"] > 3


def test_without_a_seed_each_job_is_another_take_but_its_attempts_are_one(bench):
    first, second = run(bench, seed=None, cache=False), run(bench, seed=None, cache=False)
    assert second.metrics["chunks_reused"] == 0
    assert first.output.seed != second.output.seed
    # The seed that is told speaks the same.
    assert run(bench, seed=first.output.seed, cache=False).output.sha256 == first.output.sha256


def test_a_chunk_that_was_deleted_with_its_job_is_spoken_anew(bench):
    first = run(bench)
    bench.blobs.delete_prefix(output_prefix(first.id))
    bench.jobs.remove(first.id)
    bench.engine.requests.clear()
    assert run(bench).metrics["chunks_reused"] == 0
    # It is the new one's name that stands from now on.
    assert run(bench, TEXT + " And more.").metrics["chunks_reused"] > 3


def test_chunks_outlive_the_job_that_they_were_copied_from(bench):
    first, second = run(bench), run(bench, TEXT + " And more.")
    bench.blobs.delete_prefix(output_prefix(first.id))
    bench.engine.requests.clear()
    assert run(bench, TEXT + " And even more.").metrics["chunks_reused"] > 3
    assert bench.stored_sha256(second) == second.output.sha256


def test_an_engine_that_does_not_say_what_it_is_reuses_nothing(bench):
    bench.engine.describe = lambda: replace(bench.engine.tone.describe(), fingerprint="")
    job = dying(bench, after=4)
    bench.engine.requests.clear()
    assert bench.runner("worker-c").run(job.id) is JobStatus.SUCCEEDED
    assert bench.jobs.get(job.id).metrics["chunks_reused"] == 0


# --- other ends ---------------------------------------------------------------------------------


def test_a_cancel_stops_between_steps_and_what_is_spoken_stays_for_the_next(bench):
    job = bench.submit_long(TEXT)

    def cancel():
        if len(bench.engine.requests) == 3:
            bench.jobs.replace(current := bench.jobs.get(job.id), request_cancel(current, bench.clock()))

    bench.engine.cues = {2: cancel}
    assert bench.runner().run(job.id) is JobStatus.CANCELED
    assert (len(spoken(bench)), bench.engine.steps) == (3, 2)
    assert run(bench).metrics["chunks_reused"] == 2


def test_a_job_deleted_while_it_is_spoken_leaves_nothing(bench):
    job = bench.submit_long(TEXT)

    def erase():
        if len(bench.engine.requests) == 3:
            bench.blobs.delete_prefix("inputs/")
            bench.jobs.remove(job.id)

    bench.engine.cues = {2: erase}
    assert bench.runner().run(job.id) is None
    assert bench.blobs.blobs == {}


def test_a_text_that_cannot_be_spoken_fails_the_job_in_words(bench):
    bench.engine.chunks = lambda _request: (_ for _ in ()).throw(UnsupportedCharacters("It cannot be spoken."))
    job = bench.submit_long(TEXT)
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == "text-unsupported-characters"


def test_a_text_that_is_gone_fails_the_job(bench):
    job = bench.submit_long(TEXT)
    bench.blobs.delete(text_key(job.id))
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.type == BlobNotFound.type


def test_a_store_that_is_away_for_a_moment_costs_nothing(bench):
    job = bench.submit_long(TEXT)
    bench.engine.cues = {STEPS: lambda: setattr(bench.blobs, "down", True)}
    bench.on_sleep = [lambda: setattr(bench.blobs, "down", False)] * 100
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert " ".join(spoken(bench)) == TEXT


def test_what_took_no_time_to_speak_is_no_measure_for_estimates(bench):
    run(bench)
    noted = bench.pace.pace()
    run(bench, TEXT + " And more.")
    assert bench.pace.pace() == noted


def test_while_others_wait_it_gives_way_and_goes_on_later_where_it_was(bench):
    job = bench.submit_long(TEXT, priority=Priority.BULK)
    bench.engine.cues = {1: lambda: bench.clock.advance(20.0)}
    bench.queue.send("another")
    assert bench.runner().run(job.id) is JobStatus.QUEUED
    # Two chunks made a turn of more than 30 s.
    assert (len(spoken(bench)), len(chunks(bench, job))) == (2, 2)
    released = bench.jobs.get(job.id)
    assert (released.setbacks, released.enqueued_at) == (0, bench.clock())
    assert bench.queue.waiting[-1] == (job.id, Lane(Priority.BULK))

    bench.queue.waiting.clear()
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert " ".join(spoken(bench)) == TEXT


def test_it_gives_way_to_those_who_name_its_model(bench):
    job = bench.submit_long(TEXT, priority=Priority.BULK)
    bench.engine.cues = {1: lambda: bench.clock.advance(20.0)}
    bench.queue.send("another", Lane(model=bench.settings.served_model))
    assert bench.runner().run(job.id) is JobStatus.QUEUED


@pytest.mark.parametrize(
    "why",
    [
        "nobody waits",
        "the queue is away",
        "all would be spoken again",
        "others wait for other workers",
        "others wait for other models",
    ],
)
def test_without_a_reason_it_keeps_its_place(bench, why):
    job = bench.submit_long(TEXT)
    bench.engine.cues = {1: lambda: bench.clock.advance(20.0)}
    bench.queue.down = why == "the queue is away"
    if why == "all would be spoken again":
        bench.queue.send("another")
        bench.engine.describe = lambda: replace(bench.engine.tone.describe(), fingerprint="")
    if why == "others wait for other workers":
        bench.queue.send("another", Lane(Priority.INTERACTIVE))
        bench.configure(worker_priorities="default,bulk")
    if why == "others wait for other models":
        bench.queue.send("another", Lane(model="another"))
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED


# --- several chunks at once ---------------------------------------------------------------------


class Choir(CuedEngine):
    """Gains by batches. Calls `before_step` with the text and the step; the first `together` wait for each other."""

    def __init__(self, together, batches=True, before_step=lambda _text, _step: None):
        super().__init__()
        self.tone = ToneEngine(EngineConfig(max_concurrency=4))
        self.tone.load()
        self.batches = batches
        self.before_step = before_step
        self.most = self.under_way = 0
        self._first = Barrier(together)
        self._lock = Lock()

    def describe(self):
        return replace(self.tone.describe(), batches=self.batches)

    def synthesize(self, request, *, on_progress=ignore, should_cancel=never, on_audio=ignore):
        with self._lock:
            self.requests.append(request)
            waits = len(self.requests) <= self._first.parties
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        steps = count(1)

        def progress(share):
            step = next(steps)
            if waits and step == 1:
                self._first.wait(30)
            self.before_step(request.text, step)
            on_progress(share)

        try:
            return self.tone.synthesize(request, on_progress=progress, should_cancel=should_cancel)
        finally:
            with self._lock:
                self.under_way -= 1


def test_an_engine_that_gains_by_it_speaks_several_chunks_at_once_with_the_same_outcome(bench):
    one_by_one = run(bench, owner="another").output.sha256
    choir = Choir(together=3)
    job = bench.submit_long(TEXT)
    assert bench.runner(engine=choir).run(job.id) is JobStatus.SUCCEEDED
    # A worker of four slots leaves one free.
    assert choir.most == 3
    assert sorted(request.text for request in choir.requests) == sorted(spoken(bench))
    assert bench.jobs.get(job.id).output.sha256 == one_by_one


@pytest.mark.parametrize(
    ("batches", "asked", "expected"), [(False, None, 1), (False, 2, 2), (True, 1, 1), (True, 2, 2), (True, 200, 3)]
)
def test_how_many_hangs_on_the_engine_unless_it_is_set(bench, batches, asked, expected):
    bench.configure(long_chunks_at_once=asked)
    choir = Choir(together=expected, batches=batches)
    job = bench.submit_long(" ".join(SENTENCES[:12]))
    assert bench.runner(engine=choir).run(job.id) is JobStatus.SUCCEEDED
    assert choir.most == expected


def test_a_job_that_comes_meanwhile_waits_for_none_of_them(bench):
    def come(text, step):
        # None of the three goes on before the short one is done.
        if text in first and step == 2:
            if everybody.wait(30) == 0:
                done.append(runner.run(bench.submit(text="Hello.").id))
            everybody.wait(30)

    everybody, done = Barrier(3), []
    first = bench.engine.chunks(SynthesisRequest(TEXT, Reference(REFERENCE, "Hello.")))[:3]
    choir = Choir(together=3, before_step=come)
    runner = bench.runner(engine=choir)
    assert runner.run(bench.submit_long(TEXT).id) is JobStatus.SUCCEEDED
    assert done == [JobStatus.SUCCEEDED]


def test_progress_of_several_at_once_never_falls(bench):
    def look(_text, _step):
        with lock:
            seen.append(bench.jobs.get(job.id).progress)

    lock, seen = Lock(), []
    job = bench.submit_long(TEXT)
    bench.runner(engine=Choir(together=3, before_step=look)).run(job.id)
    assert seen == sorted(seen)
    assert len(set(seen)) > 20


def test_a_cancel_stops_all_of_them_within_two_steps(bench):
    def cancel(_text, step):
        taken.append(step)
        if step == 3:
            everybody.wait(30)
            with lock:
                current = bench.jobs.get(job.id)
                if not current.cancel_requested:
                    bench.jobs.replace(current, request_cancel(current, bench.clock()))

    everybody, lock, taken = Barrier(3), Lock(), []
    choir = Choir(together=3, before_step=cancel)
    job = bench.submit_long(TEXT)
    assert bench.runner(engine=choir).run(job.id) is JobStatus.CANCELED
    assert (len(choir.requests), choir.under_way, max(taken)) == (3, 0, 3)
    assert chunks(bench, job) == []


def test_one_that_fails_stops_the_others_and_what_was_spoken_is_kept(bench):
    def fail(text, step):
        if text == broken and step == 2:
            raise NotFiniteOutput("It broke.")

    run(bench, owner="another")
    whole = spoken(bench)
    broken = whole[5]
    job = bench.submit_long(TEXT)
    choir = Choir(together=3, before_step=fail)
    assert bench.runner(engine=choir).run(job.id) is JobStatus.QUEUED
    assert choir.under_way == 0
    kept = len(chunks(bench, job))
    # Those before it, but for two that it went beside; and those may have been faster.
    assert 3 <= kept < len(whole)

    bench.engine.requests.clear()
    bench.clock.advance(60.0)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert len(spoken(bench)) == len(whole) - kept
    assert broken in spoken(bench)


def test_who_gives_way_keeps_what_is_under_way(bench):
    job = bench.submit_long(TEXT)
    bench.queue.send("another")
    choir = Choir(together=3, before_step=lambda _text, step: bench.clock.advance(60.0 if step == STEPS else 0.0))
    assert bench.runner(engine=choir).run(job.id) is JobStatus.QUEUED
    assert len(choir.requests) == len(chunks(bench, job)) == 3


# --- how long chunks are kept -------------------------------------------------------------------


def look(bench):
    """Through all of the bucket, a few blobs a step."""
    search = OrphanSearch(bench.parts, page=5)
    return sum(search.step() for _ in range(10))


def test_chunks_go_after_their_time_and_the_audio_stays(bench):
    bench.configure(chunk_ttl_seconds=3_600)
    job = run(bench)
    assert len(chunks(bench, job)) > 5
    bench.clock.advance(3_599)
    assert look(bench) == 0
    bench.clock.advance(2)
    look(bench)
    assert bench.outputs() == [job.output.key]


def test_chunks_of_a_running_job_are_never_too_old(bench):
    bench.configure(chunk_ttl_seconds=1)
    job = dying(bench, after=4)
    bench.clock.advance(10_000)
    look(bench)
    assert len(chunks(bench, job)) == 3


def test_without_a_lifetime_chunks_go_with_the_first_look(bench):
    bench.configure(chunk_ttl_seconds=0)
    job = run(bench)
    look(bench)
    assert bench.outputs() == [job.output.key]


# --- dialogue -----------------------------------------------------------------------------------

ANNA, BEN = wav_bytes(speech_like(2.0, seed=1)), wav_bytes(speech_like(2.2, seed=2))


def dialogue(bench, text, voices=("anna", "ben"), **overrides):
    speakers = []
    for mark, voice, recording in zip(("anna", "ben"), voices, (ANNA, BEN), strict=True):
        bench.blobs.put(sample_key(voice), io.BytesIO(recording), len(recording), "audio/wav")
        speakers.append(Speaker(mark, voice, sample_key(voice), mark * 16, f"This is what {mark} says."))
    return bench.submit(text=text, speakers=tuple(speakers), **overrides)


def test_each_turn_is_spoken_in_its_speakers_voice(bench):
    job = dialogue(bench, r"It was late. [anna] Hello, \[dear\] Ben. [ben] Hi. [anna] Good night.")
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    told = [(request.text, request.reference.text, request.reference.audio) for request in bench.engine.requests]
    assert told == [
        ("It was late.", "What the reference says.", REFERENCE),
        ("Hello, [dear] Ben.", "This is what anna says.", ANNA),
        ("Hi.", "This is what ben says.", BEN),
        ("Good night.", "This is what anna says.", ANNA),
    ]
    assert all(entry.ends_turn for entry in decode_playlist(bench.blobs.get(playlist_key(job.id, 1))))
    assert bench.jobs.get(job.id).output.sha256 == bench.stored_sha256(bench.jobs.get(job.id))


def test_the_same_words_of_two_speakers_are_two_chunks(bench):
    job = dialogue(bench, "[anna] Good morning. [ben] Good morning. [anna] Good morning.", cache=True)
    bench.runner().run(job.id)
    assert [request.reference.audio for request in bench.engine.requests] == [ANNA, BEN]


def test_whoever_speaks_first_is_fetched_once(bench):
    fetched, get = [], bench.blobs.get
    job = dialogue(bench, "[anna] Hello. [ben] Hi.", reference=None, reference_key=sample_key("anna"), voice_id="anna")
    bench.blobs.get = lambda key: fetched.append(key) or get(key)
    assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
    assert [key for key in fetched if key.startswith("voices/")] == [sample_key("anna"), sample_key("ben")]


def test_a_dialogue_of_a_voice_that_was_deleted_fails(bench):
    job = dialogue(bench, "[anna] Hello. [ben] Hi.")
    bench.blobs.delete(sample_key("ben"))
    assert bench.runner().run(job.id) is JobStatus.FAILED
    assert bench.jobs.get(job.id).fault.title == "The voice was deleted"
    assert sample_key("anna") in bench.blobs.blobs


def test_speakers_count_by_what_is_in_their_recordings(bench):
    text = "[anna] Hello. [ben] Hi."
    for voices, cached in ((("anna", "ben"), False), (("anna again", "ben again"), True)):
        job = dialogue(bench, text, voices, cache=True)
        assert bench.runner().run(job.id) is JobStatus.SUCCEEDED
        assert bench.jobs.get(job.id).output.cached is cached


def test_a_speaker_that_was_deleted_is_not_heard_from_memory(bench):
    text = "[anna] Hello. [ben] Hi."
    bench.runner().run(dialogue(bench, text, cache=True).id)
    job = dialogue(bench, text, cache=True)
    bench.blobs.delete(sample_key("ben"))
    assert bench.runner().run(job.id) is JobStatus.FAILED
