"""Draws `demo.svg` anew from a real run: `python docs/images/record.py` in an installed checkout."""

import os
import re
import subprocess
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "make demo",
    "timbre status",
    'timbre say "Any text, in any voice." --reference f5_tts_core/assets/sample/reference.wav -o out/mine.wav',
    "timbre jobs list",
)
#: Fonts would be fetched from elsewhere when the picture is shown.
FONT_FACE = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def main() -> None:
    env = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "118", "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
    console = Console(record=True, width=118, file=Path(os.devnull).open("w"))  # noqa: SIM115 - lives as we do
    for command in COMMANDS:
        said = subprocess.run(command, shell=True, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True)  # noqa: S602
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text.from_ansi(said.stdout.decode().replace(str(ROOT), "~/timbre").rstrip()), end="\n\n")
    picture = FONT_FACE.sub("", console.export_svg(title="Timbre"))
    Path(__file__).with_name("demo.svg").write_text(picture)


if __name__ == "__main__":
    main()
