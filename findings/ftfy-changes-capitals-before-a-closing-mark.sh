#!/usr/bin/env bash
# Guess:   ftfy leaves correctly decoded text alone (its own text: "it should never change correctly-decoded text to
#          something else"), so that a list of names and answers can be run through it before an event.
# Reality: a capital with an accent before a closing quote, a dash or a sign, as Portuguese has it, is changed into another
#          word: IRMÃ” (sister, in quotes) becomes IRMÔ, AMANHÃ— (tomorrow) becomes AMANH×. It is the same for CORAÇÃ€.
#          What it does leave alone are real accidents: Åžule (Şule), M√¼ller (Müller), M├╝ller, Nguyá»…n (Nguyễn).
# Ends with 1 if another version behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install ftfy==6.3.1 wcwidth==0.2.13
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import ftfy

RIGHT = {"IRMÃ”": "IRMÔ", "AMANHÃ—": "AMANH×", "CORAÇÃ€": "CORAÇÀ", "MANHÃ»": "MANHû"}
SPOILT = ["Åžule", "M√¼ller", "M├╝ller", "Nguyá»…n"]

print("ftfy", ftfy.__version__)
as_seen = True
for text, changed in RIGHT.items():
    got = ftfy.fix_encoding(text)
    print(f"correct {text!r} -> {got!r}")
    as_seen &= got == changed
for text in SPOILT:
    got = ftfy.fix_encoding(text)
    print(f"spoilt  {text!r} -> {got!r}")
    as_seen &= got == text
sys.exit(0 if as_seen else 1)
PYTHON
