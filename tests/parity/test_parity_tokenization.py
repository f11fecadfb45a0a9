"""Our pinyin front end against `convert_char_to_pinyin` of the f5-tts package, token for token."""

import importlib
import itertools
import random
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from f5_tts_core.text.front_end import front_end

Convert = Callable[[list[str]], list[list[str]]]

CORPUS = [
    "Hello, world! It's a well-known fact; isn't it?",
    "“Quoted” and ‘single’ — with dashes… (brackets) [square] {curly} <angle>",
    "No space,here.Or here:there;and 3.14, 1,000,000 or $5.50 at 10:30 (50%).",
    "e-mail me at someone@example.com, see https://example.com/a_b?c=d&e=f#g",
    "你好，世界。今天天气不错！你吃饭了吗？",
    "他一个人走过长长的银行，重庆的行长不会了解重要性。",
    "一不做，二不休；这个、那个——都不是。「引号」《书名》",
    "我用iPhone 15拍了3张照片, it's really好看。",
    "F5-TTS是一个text-to-speech模型，支持中文和English混合。",
    "Xin chào, tôi tên là Nguyễn Văn Ánh. Hôm nay trời đẹp quá!",
    "Đường phố Hà Nội rất đông, phải không? Vâng, đúng vậy.",
    "Café naïve façade — straße, Ærø, Łódź, señor; ¿qué tal?",
    "Привет, мир! Как дела? ١٢٣ こんにちは 안녕하세요 ㄅㄆㄇ",
    "  leading, double  spaces , and trailing  ",
    "1999年12月31日，价格是¥3,500.00元，增长了5％。",
    "ABC，DEF。ghi！jkl？",
    "A.B.C. and U.S.A. vs. the rest",
    "🙂 emoji 👍🏽 and ﬁ ligatures ＦＵＬＬ ｗｉｄｔｈ",
    "",
    " ",
    "字",
    "a",
    "。",
]


def _mixtures(count: int) -> list[str]:
    generator = random.Random(5)
    pieces = list(itertools.chain.from_iterable(line.split() for line in CORPUS)) + list(" ,.!?;:'\"-—（）、。\n\t")
    return [generator.choice(["", " "]).join(generator.choices(pieces, k=12)) for _ in range(count)]


@pytest.fixture
def convert_char_to_pinyin(upstream: SimpleNamespace) -> Convert:
    return importlib.import_module("f5_tts.model.utils").convert_char_to_pinyin


@pytest.mark.parametrize("text", CORPUS)
def test_parity_of_pinyin_tokens(convert_char_to_pinyin: Convert, text: str) -> None:
    assert front_end("pinyin")(text) == convert_char_to_pinyin([text])[0]


def test_parity_of_pinyin_tokens_on_mixtures(convert_char_to_pinyin: Convert) -> None:
    mixtures = _mixtures(400)
    assert [front_end("pinyin")(text) for text in mixtures] == convert_char_to_pinyin(mixtures)
