"""The acoustic model's training: its batches, its loss, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from f5_tts_core.engine import EngineConfig
from f5_tts_core.manifest import resolve_manifest
from f5_tts_core.network.dit import DiT
from f5_tts_core.network.text_embedding import TextEmbedding
from f5_tts_core.plan import Planner
from f5_tts_core.reference import ReferenceClip, ReferenceReport
from f5_tts_core.text.front_end import front_end
from f5_tts_core.text.pacing import Pacing
from f5_tts_core.text.vocabulary import Vocabulary
from f5_tts_core.types import Waveform
from training.alignment import Aligner
from training.batches import Batch, BatchMaker, MelBank, Transcripts
from training.dit import DitTask, flow_loss, initialise, spans, start_from
from training.durations import read_token_seconds
from training.errors import TrainingError
from training.recipe import SIZES
from training.runs import vocabulary_of
from training.speech import Corpus, load_corpus
from training.text_batch import embed_texts

SMOKE = SIZES["smoke"]
CPU = torch.device("cpu")
FRONT_END = front_end(SMOKE.front_end)
VOCABULARY = Vocabulary(vocabulary_of(SMOKE.front_end))
REPORT = ReferenceReport(2.0, 2.0, 0.5, 0.1, 0.0, cut=False)


@pytest.fixture(scope="module")
def corpus(build: Path) -> Corpus:
    return load_corpus(build / "speech", "train")


@pytest.fixture(scope="module")
def pacing(build: Path) -> Pacing:
    return Pacing(read_token_seconds(build / "dit"))


@pytest.fixture(scope="module")
def bank(corpus: Corpus) -> MelBank:
    return MelBank(corpus, CPU)


@pytest.fixture(scope="module")
def transcripts(corpus: Corpus, bank: MelBank, pacing: Pacing) -> Transcripts:
    aligner = Aligner.learn(corpus.texts, list(bank.spoken()), FRONT_END, VOCABULARY.tokens)
    return Transcripts.of_corpus(corpus.texts, bank, VOCABULARY, pacing, aligner)


@pytest.fixture(scope="module")
def batches(corpus: Corpus, bank: MelBank, transcripts: Transcripts) -> BatchMaker:
    return BatchMaker(SMOKE, corpus, bank, transcripts)


def network() -> DiT:
    return initialise(DiT(SMOKE.dit.architecture, len(VOCABULARY)), seed=1)


def pair_batch(batches: BatchMaker) -> Batch:
    return next(batch for step in range(99) if (batch := batches.batch(step)).references.any())


def test_a_batch_of_texts_is_embedded_as_each_alone() -> None:
    torch.manual_seed(2)
    embedding = TextEmbedding(SMOKE.dit.architecture, len(VOCABULARY))
    for parameter in embedding.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    lengths = torch.tensor([40, 64, 50, 21])
    drop = torch.tensor([False, False, True, False])
    tokens = torch.randint(len(VOCABULARY), (4, 64))
    together = embed_texts(embedding, tokens, lengths, drop)
    for row in range(4):
        frames = int(lengths[row])
        alone = embedding(tokens[row, :frames], frames, bool(drop[row]))
        torch.testing.assert_close(together[row, :frames], alone, atol=1e-5, rtol=1e-5)
        assert not together[row, frames:].any()


def test_pairs_are_two_utterances_of_one_speaker(
    corpus: Corpus, bank: MelBank, transcripts: Transcripts, batches: BatchMaker
) -> None:
    batch = pair_batch(batches)
    row = 0
    reference, length = int(batch.references[row]), int(batch.lengths[row])
    parts = (batch.mel[row, :reference], batch.mel[row, reference:length])
    first, second = (utterance_of(bank, part) for part in parts)
    assert first != second
    assert corpus.speakers[first] == corpus.speakers[second]
    assert batch.tokens[row, :length].tolist() == transcripts.of([first, second]).tolist()


def test_what_is_to_be_spoken_stands_where_it_is_spoken() -> None:
    transcripts = Transcripts(paced=[[1, 1, 2], [3, 4, 4]], spoken=[[1, 2, 2], [3, 3, 4]])
    assert transcripts.of([0]).tolist() == [1, 2, 2]
    assert transcripts.of([0, 1]).tolist() == [1, 1, 2, 3, 3, 4]


def test_a_reference_reads_as_the_engine_reads_it(corpus: Corpus, transcripts: Transcripts, build: Path) -> None:
    planner = Planner(resolve_manifest(EngineConfig(ckpt_path=build / SMOKE.name)), VOCABULARY)
    for first in range(4):
        spoken = corpus.samples[corpus.lengths[:first].sum() : corpus.lengths[: first + 1].sum()] / np.float32(32767)
        clip = ReferenceClip(Waveform(spoken), corpus.texts[first], 1.0, REPORT)
        chunk, *_ = planner.chunks("Hello there.", clip, speed=1.0)
        reference = chunk.tokens[: -chunk.speech_frames]
        assert reference == transcripts.of([first, 0])[: len(reference)].tolist()


def utterance_of(bank: MelBank, mel: torch.Tensor) -> int:
    """Which of the corpus's utterances a mel is."""
    for index, (start, frames) in enumerate(zip(bank.starts, bank.frames, strict=True)):
        if frames == len(mel) and torch.equal(bank.mels[start : start + frames].float(), mel):
            return index
    raise AssertionError("No utterance has this mel.")


def test_batches_follow_from_the_step(batches: BatchMaker) -> None:
    assert torch.equal(batches.batch(5).mel, batches.batch(5).mel)
    shapes = {tuple(batches.batch(step).mel.shape[:2]) for step in range(30)}
    assert {frames for _, frames in shapes} <= set(SMOKE.dit.buckets)
    assert len({float(batches.batch(step).mel.sum()) for step in range(8)}) > 4


def test_of_a_pair_exactly_the_second_utterance_is_to_be_spoken(batches: BatchMaker) -> None:
    batch = pair_batch(batches)
    spoken = spans(batch, torch.Generator().manual_seed(1))
    for row, (reference, length) in enumerate(zip(batch.references, batch.lengths, strict=True)):
        assert spoken[row].nonzero().flatten().tolist() == list(range(int(reference), int(length)))


def test_of_one_alone_a_long_part_is_to_be_spoken(batches: BatchMaker) -> None:
    batch = next(batch for step in range(99) if not (batch := batches.batch(step)).references.any())
    for seed in range(20):
        spoken = spans(batch, torch.Generator().manual_seed(seed))
        for row, length in enumerate(batch.lengths.tolist()):
            assert not spoken[row, length:].any()
            assert spoken[row].sum() >= int(0.6 * length)


def test_what_lies_beyond_a_row_does_not_matter(batches: BatchMaker) -> None:
    batch = pair_batch(batches)
    noisy = batch.mel.clone()
    noisy[torch.arange(noisy.shape[1]) >= batch.lengths[:, None]] = 99.0
    changed = Batch(noisy, batch.tokens, batch.lengths, batch.references)
    net = network()
    torch.nn.init.normal_(net.proj_out.weight, std=0.1)
    losses = [flow_loss(net, each, SMOKE.dit, torch.Generator().manual_seed(1)) for each in (batch, changed)]
    torch.testing.assert_close(losses[0], losses[1])


def test_the_loss_of_one_batch_goes_down(batches: BatchMaker) -> None:
    class OneBatch(BatchMaker):
        def batch(self, step: int, *, stream: int = 0) -> Batch:
            return the_batch

    the_batch = pair_batch(batches)
    one = OneBatch.__new__(OneBatch)
    task = DitTask(SMOKE, network(), one, one)
    losses = [float(task.step(step, 1e-2, 0.0)["loss"].detach()) for step in range(40)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_a_run_may_begin_with_what_fits_of_another_checkpoint(build: Path, tmp_path: Path) -> None:
    trained = load_file(build / SMOKE.name / "model.safetensors")
    wider = initialise(DiT(SMOKE.dit.architecture, len(VOCABULARY) + 5), seed=3)
    fresh = wider.text_embed.text_embed.weight.clone()
    start_from(wider, build / SMOKE.name / "model.safetensors")
    torch.testing.assert_close(wider.proj_out.weight, trained["ema_model.transformer.proj_out.weight"].float())
    assert torch.equal(wider.text_embed.text_embed.weight, fresh)
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(TrainingError, match="no weight that fits"):
        start_from(wider, tmp_path / "other.safetensors")
