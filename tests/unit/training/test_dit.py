"""The acoustic model's training: its batches, its loss, and that it learns."""

from pathlib import Path

import pytest
import torch

from f5_tts_core.network.dit import DiT
from f5_tts_core.network.text_embedding import TextEmbedding
from f5_tts_core.text.front_end import front_end, join_reference
from f5_tts_core.text.vocabulary import Vocabulary
from training.batches import Batch, BatchMaker, MelBank, Transcripts
from training.dit import DitTask, flow_loss, initialise, spans
from training.errors import TrainingError
from training.recipe import SIZES
from training.runs import vocabulary_of
from training.speech import Corpus, load_corpus
from training.text_batch import embed_texts

SMOKE = SIZES["smoke"]
CPU = torch.device("cpu")
FRONT_END = front_end(SMOKE.front_end)
VOCABULARY = Vocabulary(vocabulary_of(SMOKE.front_end))


@pytest.fixture(scope="module")
def corpus(build: Path) -> Corpus:
    return load_corpus(build / "speech", "train")


@pytest.fixture(scope="module")
def batches(corpus: Corpus) -> BatchMaker:
    return BatchMaker(SMOKE, corpus, MelBank(corpus, CPU), Transcripts(corpus.texts, VOCABULARY, FRONT_END))


def network() -> DiT:
    return initialise(DiT(SMOKE.dit.architecture, len(VOCABULARY)), seed=1)


def pair_batch(batches: BatchMaker) -> Batch:
    return next(batch for step in range(99) if (batch := batches.batch(step)).references.any())


def test_a_batch_of_texts_is_embedded_as_each_alone() -> None:
    torch.manual_seed(2)
    embedding = TextEmbedding(SMOKE.dit.architecture, len(VOCABULARY))
    for parameter in embedding.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    counts, lengths = torch.tensor([7, 30, 12, 25]), torch.tensor([40, 64, 64, 21])
    drop = torch.tensor([False, False, True, False])
    tokens = torch.randint(len(VOCABULARY), (4, 64))
    together = embed_texts(embedding, tokens, counts, lengths, drop)
    for row in range(4):
        frames = int(lengths[row])
        alone = embedding(tokens[row, : counts[row]], frames, bool(drop[row]))
        torch.testing.assert_close(together[row, :frames], alone, atol=1e-5, rtol=1e-5)
        assert not together[row, frames:].any()


def test_pairs_are_two_utterances_of_one_speaker_joined_as_the_engine_joins(
    corpus: Corpus, batches: BatchMaker
) -> None:
    bank = MelBank(corpus, CPU)
    batch = pair_batch(batches)
    row = 0
    reference, length = int(batch.references[row]), int(batch.lengths[row])
    parts = (batch.mel[row, :reference], batch.mel[row, reference:length])
    first, second = (utterance_of(bank, part) for part in parts)
    assert first != second
    assert corpus.speakers[first] == corpus.speakers[second]
    expected = VOCABULARY.encode(join_reference(corpus.texts[first], corpus.texts[second], FRONT_END))
    assert batch.tokens[row, : batch.counts[row]].tolist() == expected


@pytest.mark.parametrize("name", ["lowercase-characters", "phonemes-en"])
def test_a_pair_reads_as_the_engine_reads_it(corpus: Corpus, name: str) -> None:
    tokenize, vocabulary = front_end(name), Vocabulary(vocabulary_of(name))
    transcripts = Transcripts(corpus.texts, vocabulary, tokenize)
    for first, second in ((0, 1), (2, 3), (5, 4)):
        expected = vocabulary.encode(join_reference(corpus.texts[first], corpus.texts[second], tokenize))
        assert transcripts.of(first, second).tolist() == expected
        assert transcripts.of(first, None).tolist() == vocabulary.encode(tokenize(corpus.texts[first]))


def test_a_front_end_that_reads_pairs_otherwise_is_refused() -> None:
    with pytest.raises(TrainingError, match="unlike the two apart"):
        Transcripts(["one", "two"], Vocabulary([" ", ".", "o", "n", "e", "t", "w", "a"]), lambda text: list(text)[::-1])


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


def test_a_continuation_speaks_exactly_the_second_utterance(batches: BatchMaker) -> None:
    batch = pair_batch(batches)
    found = 0
    for seed in range(20):
        spoken = spans(batch, SMOKE.dit, torch.Generator().manual_seed(seed))
        assert spoken.any(dim=1).all()
        for row, (reference, length) in enumerate(zip(batch.references, batch.lengths, strict=True)):
            assert not spoken[row, length:].any()
            found += int(not spoken[row, :reference].any() and bool(spoken[row, reference:length].all()))
    assert found > 0.6 * 20 * len(batch.lengths)


def test_what_lies_beyond_a_row_does_not_matter(batches: BatchMaker) -> None:
    batch = pair_batch(batches)
    noisy = batch.mel.clone()
    noisy[torch.arange(noisy.shape[1]) >= batch.lengths[:, None]] = 99.0
    changed = Batch(noisy, batch.tokens, batch.counts, batch.lengths, batch.references)
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
    losses = [float(task.step(step, 3e-3, 0.0)["loss"].detach()) for step in range(40)]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
