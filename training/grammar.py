"""Sentences made by rule, so that every common word is heard in many places. Free of torch."""

import re
from collections.abc import Mapping
from typing import Final

import numpy as np

_LISTS: Final[Mapping[str, str]] = {
    "person": "my mother|my father|his sister|her brother|our teacher|the doctor|the farmer|the captain|the old man"
    "|a young woman|the child|my friend|your neighbour|the judge|the painter|a stranger|the nurse|the driver"
    "|the whole family|nobody|everyone|somebody",
    "people": "the children|my parents|our friends|the workers|the students|two sailors|many people|the others"
    "|both of them|the neighbours|a few men|three women|the boys|the girls|those singers",
    "thing": "the book|a letter|the window|this chair|that box|the blue cup|a heavy bag|the broken clock|the key"
    "|a long rope|the radio|a piece of bread|the yellow dress|some warm soup|the picture|an empty bottle|a map"
    "|the red umbrella|a sharp knife|the green apple|his coat|her shoes|the small engine|a wooden spoon|the paper"
    "|a fresh orange|the telephone|a round stone|the bicycle|the old piano|a golden ring|the newspaper",
    "place": "the kitchen|the garden|the station|the river|the bridge|the village|the school|the market|the office"
    "|the forest|the beach|the hospital|the library|the corner shop|the valley|the harbour|the castle|the church"
    "|the next town|the airport|the mountain|the theatre|the dark cellar|the top floor",
    "past": "found|carried|opened|lost|bought|sold|washed|painted|forgot|dropped|brought|noticed|wanted|took"
    "|saw|kept|borrowed|returned|showed us|described|cleaned|measured|pushed|pulled|hid|caught|threw away",
    "go": "walked|ran|drove|went|hurried|came|rode|travelled|marched|sailed|wandered|flew|moved|jumped",
    "do": "sing|wait|read|write|listen|dance|work|sleep|laugh|answer|leave|stay|begin|stop|help|swim|cook|learn"
    "|play outside|speak quietly|drink some water|look around|pay the bill|turn left|close the door",
    "adjective": "cold|warm|quiet|loud|bright|dark|strange|simple|heavy|clean|dirty|beautiful|dangerous|expensive"
    "|cheap|strong|weak|empty|full|narrow|wide|smooth|rough|sweet|bitter|fresh|gentle|proud|honest|clever|foolish"
    "|hungry|thirsty|tired|busy|ready|healthy|familiar|different|important|possible|modern|ancient|precious",
    "adverb": "slowly|quickly|carefully|often|suddenly|always|never|quietly|early|late|together|alone|easily|finally"
    "|usually|hardly|bravely|politely|twice|at once|without a word|as usual|with pleasure|by accident",
    "time": "yesterday|this morning|last night|in the evening|on Monday|on Tuesday|on Wednesday|on Thursday"
    "|on Friday|on Saturday|on Sunday|in January|in February|in March|in April|in May|in June|in July|in August"
    "|in September|in October|in November|in December|before breakfast|after lunch|at noon|at midnight|every day"
    "|two weeks ago|next year|in winter|in spring|in summer|in autumn|an hour later|years ago|for a while",
    "number": "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|a hundred|a thousand"
    "|twenty one|thirty five|forty eight|sixty six|ninety nine|two million",
    "many": "birds|horses|dogs|cats|ships|houses|trees|questions|dollars|pounds|miles|pages|songs|stars|flowers"
    "|boxes|chairs|glasses|matches|wishes|judges|bridges|churches|months|clothes|things|voices|measures|treasures",
    "weather": "it was raining|the sun was shining|it snowed all day|the wind blew hard|the sky was grey|it was foggy"
    "|the storm was over|the moon was up|the leaves were falling|it got dark|the ice was melting",
    "topic": "the weather|music|his health|the price of oil|their future|the news|science|history|a new law"
    "|the election|football|her garden|the journey|machines|language|the truth|the treasure|our decision",
    "say": "said|thought|believed|knew|told me|hoped|replied|explained|remembered|announced|guessed|was sure",
    "modal": "can|could|will|would|should|must|might|may|cannot|couldn't|won't|wouldn't|shouldn't|mustn't",
    "aux": "do|did|don't|didn't|can|could|will|would|should",
    "pronoun": "I|you|we|they",
    "why": "because|although|while|when|before|after|until|since|unless|if|as soon as|so that",
}
_TEMPLATES: Final = (
    "{person} {past} {thing} in {place} {time}.",
    "{person} {adverb} {past} {thing}.",
    "{people} {go} from {place} to {place}.",
    "{time}, {people} {go} {adverb} to {place}.",
    "{pronoun} {modal} {do} {adverb}.",
    "{pronoun} {modal} {do} and {do} {time}.",
    "{person} {say} that {thing} was {adjective}.",
    "{person} {say} that {pronoun} {modal} {do} {time}.",
    "there were {number} {many} in {place}.",
    "{pronoun} saw {number} {adjective} {many} near {place}.",
    "{weather} {why} {people} {go} to {place}.",
    "{why} {weather}, {person} {past} {thing}.",
    "is {thing} {adjective} or {adjective}?",
    "{aux} {pronoun} {do} {time}?",
    "why {aux} {pronoun} {do} in {place}?",
    "where is {thing}, and who {past} {thing}?",
    "what {adjective} {many}!",
    "please {do}, and do not {do}.",
    "{people} talked about {topic} and {topic} {time}.",
    "{thing} is more {adjective} than {thing}.",
    "{person} was {adjective}, {adjective} and {adjective}.",
    "how {adjective} {thing} is!",
    "{number} {many} and {number} {many} make {number}.",
    "{person} {past} {thing}, {thing} and {thing}.",
    "yes, {pronoun} {modal}.",
    "no, {person} never {past} it.",
)
_CHOICES: Final = {name: words.split("|") for name, words in _LISTS.items()}
_SLOT: Final = re.compile(r"{(\w+)}")


def made_sentence(rng: np.random.Generator) -> str:
    """A sentence of plain grammar and little sense."""
    template = _TEMPLATES[rng.integers(len(_TEMPLATES))]
    text = _SLOT.sub(lambda slot: str(rng.choice(_CHOICES[slot[1]])), template)
    return text[0].upper() + text[1:]


def word_salad(rng: np.random.Generator, words: list[str]) -> str:
    """Words in no order: nothing can be guessed from what stands before."""
    chosen = rng.choice(words, size=rng.integers(2, 9)).tolist()
    ends = (".", ".", ".", "?", "!", ",")
    return " ".join(chosen).capitalize() + ends[rng.integers(len(ends))]
