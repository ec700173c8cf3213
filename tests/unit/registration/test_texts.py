"""Names and texts: what is right in any language is taken, what hides something or was spoilt is not, silently."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain import walk_in
from services.registration.domain.files import read_event
from services.registration.domain.texts import one_line, text_problems
from services.registration.domain.texts.invisible import is_blank, without
from services.registration.domain.texts.nothing import is_nothing
from services.registration.domain.texts.spoilt import probably
from shared.faults import Invalid

# People and words of many languages as they are written, with capitals as they stand on badges.
RIGHT = (
    """
João|JOÃO|MANHÃ|AMANHÃ|IRMÃ|IRMÃO|CORAÇÃO|ROMÃ|GUIMARÃES|MAGALHÃES|BRANDÃO|SÃO PAULO|Álvaro|ÂNGELO|VÂNIA|TÂNIA
ANTÔNIO|LEITÃO
Nguyễn Văn Ân|NGUYỄN THỊ ÁNH|ÂU CƠ|Đặng|ĐẶNG|Trần Hưng Đạo|LÊ LỢI|HỒ CHÍ MINH|Phạm Ngũ Lão|Võ Thị Sáu|Lệ|Quỳnh
Thùy Dương
Şule|ŞÜKRÜ ÖZGÜR|İbrahim|IŞIK|Çelik|ÇETİN|Ağaoğlu|ĞÜZ|Gökçe|Yıldız|ÜÇ|GÖĞÜŞ|Ali Rıza
Siti Nurhaliza|Ibu Suharti|I Made Wirawan|Ni Luh Ayu|Ma'ruf|Nur'aini|Sri Mulyani|Soekarno|R.A. Kartini|Putu
Łukasz Żółć|ŁUKASZ|ŁÓDŹ|Wiśniewski|WIŚNIEWSKI|KSIĘŻNA|STRÓŻ|STÓŁ|MĄŻ|ŹDŹBŁO|Grażyna|Świętopełk
Škoda|ŠKODA|Dvořák|DVOŘÁK|KŘÍŽ|ŽĎÁR|Ťapák|ĎURICA|Ľuboš|ĽUBOŠ|Kovačević|KOVAČEVIĆ|ĐOKOVIĆ|Čedomir|NIŽ
Țepeș|ŢEPEŞ|TĂŞNAD|Ștefăniță|ŞTEFĂNIŢĂ|Brâncuși|BRÂNCUŞI|CASĂ|Ion|Ţară
Ångström|ÅSE ØSTERGÅRD|Åse|ÅKE|Ærø|ÆRØ|Björk Guðmundsdóttir|Þórður|ÞÓRÐUR|ÓLAFSDÓTTIR|Sjöö|Öberg|ÖÄÅ|Å|PÅ ÅN
SMÅLAND|Bøe|ÆSIR
François|FRANÇOIS|ÉLÉONORE|Noël|Zoë|L’Hôpital|L'HAŸ-LES-ROSES|Aïcha|À bientôt…|VOILÀ|DÉJÀ VU|«Olá»|Côté|CÔTÉ|Ça
Où|Jean‑Luc
Müller–Lüdenscheid|MÜLLER|Jürgen Öse|STRAßE|Groß|GROẞ|Weiß|Spaß|Ä|Özdemir|ÖZIL|Käthe
O’Neill|O'Hara|D’Angelo|N’Diaye|‘Abd|Seán Ó Sé|SEÁN|Siobhán|Llŷr|Ħal|ŻABBAR|Iñaki|IÑIGO|Peña|PEÑA|ÑAÑEZ|Gràcia
Paral·lel
Āriņš|Šķēle|ŠĶĒLE|Õnnepalu|ÕUN|Žemaitė|ŽEMAITĖ|ĄŽUOLAS|Jānis|Kęstutis|Ojārs
Иван|Светлана|Ольга|Ѓорѓи|Γιώργος|ΓΙΩΡΓΟΣ|محمد|علی‌رضا|می‌رود|אברהם|राम|क्‍ष|র‍্যাব|ශ්‍රී|ന്‍|山田|邉󠄀|김철수|ភ្នំ
ᬲᬢ᭄ᬯ|สมชาย
Null|None|NA|True|Nil|Nan|Nothing|Tidak|Belum|Unknown|Null Null|Ana Null|X|Ng|Ó|Ad Ng'eno
R&D|People & Culture|Team #1|C++|A/B|M&A|Sales (West)|R+D|Café™|“Å”|№ 5|x²|m³|10 °C
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


def problems(text, *, of_name=True):
    return list(text_problems("name", one_line(text), 200, of_name=of_name))


@pytest.mark.parametrize("text", RIGHT)
@pytest.mark.parametrize("of_name", [True, False])
def test_what_is_right_in_any_language_is_taken(text, of_name):
    assert [str(each) for each in problems(text, of_name=of_name)] == []


ENDINGS = [
    "…",
    "”",
    "’",
    "—",
    "–",
    "€",
    "™",
    "®",
    "»",
    "!",
    ".",
    ",",
    "?",
    ")",
    "·",
    "…”",
    "!”",
    " …",
    " –",
    "; ",
    "”, ",
]
CAPITALS = [
    "MANHÃ",
    "IRMÃ",
    "AMANHÃ",
    "CORAÇÃ",
    "MAÇÃ",
    "LÃ",
    "IRMÃO",
    "IRMÔ",
    "CAFÉ",
    "VOILÀ",
    "ÂNGELÂ",
    "SMÅ",
    "CASĂ",
    "CIĄ",
]


@pytest.mark.parametrize("word", CAPITALS)
def test_capitals_before_a_closing_mark_are_right(word):
    for ending, frame in itertools.product(ENDINGS, ("{}", "“{} OBRIGADA", "SIM, {}")):
        assert [str(each) for each in problems(frame.format(word + ending), of_name=False)] == []


SPOILT = {
    "Å ukri": "Šukri", "KovaÄťeviÄ‡": "Kovačević", "KovaÄŤeviÄ‡": "Kovačević", "Ð¡Ð²ÐµÑ‚": "Свет", "Ù…Ø­Ù…Ø¯": "محمد",
    "M√¼ller": "Müller", "M√ºller": "Müller", "M├╝ller": "Müller", "Åžule": "Şule", "O&#39;Neill": "O'Neill",
    "Tom &amp; Jo": "Tom & Jo", "&Uuml;nal": "Ünal", "O&rsquo;Hara": "O’Hara", "JosÃ©": "José", "JOSÃ‰": "JOSÉ",
    "FranÃ§ois": "François", "SÃ£o": "São", "Nguyá»…n": "Nguyễn", "Tráº§n": "Trần", "Ä\u0090áº·ng": "Đặng",
    "Lá»‡": "Lệ",
    "Ã–zgÃ¼r": "Özgür", "Å‚ukasz": "łukasz", "DvoÅ™Ã¡k": "Dvořák", "LukÃ¡Å¡": "Lukáš", "Oâ€™Neill": "O’Neill",
    "MÃƒÂ¼ller": "Müller", "StraÃŸe": "Straße", "Ã…se": "Åse", "KÃ¶ln": "Köln", "MarÃ\u00ada": "María", "PeÃ±a": "Peña",
    "MuÃ±oz": "Muñoz", "Ð\u009eÐ»ÑŒÐ³Ð°": "Ольга", "ê¹€": "김", "×“×•×“": "דוד", "à¤°à¤¾à¤®": "राम", "Jos√©": "José",
    "Fran√ßois": "François", "JosÚ": "José", "M³nchen": "München", "MŸller": "Müller", "Fran‡ois": "François",
    "Êàòåðèíà": "Катерина", "J%C3%BCrgen": "Jürgen", "J=C3=BCrgen": "Jürgen", "J\\u00fcrgen": "Jürgen", "AyÅŸe": "Ayşe",
    "MuÌˆller": "Müller", "GrÃ¡inne": "Gráinne", "Ä°brahim": "İbrahim", "SÃ¸ren": "Søren", "BjÃ¶rk": "Björk",
}  # fmt: skip


@pytest.mark.parametrize(("text", "was"), SPOILT.items())
def test_text_that_was_spoilt_is_asked_about_with_what_it_probably_was(text, was):
    (problem,) = problems(text)
    assert was in str(problem.what)
    assert "wrong encoding" in str(problem.what)
    assert len(problem.confirm) == 1


@pytest.mark.parametrize("text", ["??????", "Wi?niewski", "?ukasz", "??? ???", "M\u0081ller", "Ngá»c"])
def test_text_with_lost_letters_is_asked_about(text):
    (problem,) = problems(text)
    assert "wrong encoding" in str(problem.what)
    assert len(problem.confirm) == 1


def test_letters_that_are_gone_cannot_be_right(faults, files):
    (problem,) = problems("Jos\ufffd")
    assert problem.confirm == ()


@pytest.mark.parametrize(
    "text", ["Why?", "What??", "Really?!", "How: a or b?", "See https://x.example/?a=b&c;d=%C3%BC", "???"]
)
def test_questions_may_have_question_marks(text):
    assert problems(text, of_name=False) == []


def test_what_was_asked_about_is_taken_as_it_is_after_a_yes_and_only_that(files):
    files["mentors.csv"] = "ref,name,site,languages,topics\nm1,O&#39;Neill,jkt,en,hiring:3\nm2,Ada,jkt,en,hiring:3\n"
    files["mentees.csv"] = "ref,name,site,languages,motive,topics\ne1,C,jkt,en,career,funding\n"

    def read(files, confirmed=()):
        return read_event(files, "org", (f"id-{n}" for n in itertools.count()).__next__, confirmed)

    with pytest.raises(Invalid) as caught:
        read(files)
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.field) == ("mentors.csv", 2, "name")
    assert read(files, problem.confirm).mentors[0].name == "O&#39;Neill", "it is never changed"
    with pytest.raises(Invalid):
        read({**files, "mentors.csv": files["mentors.csv"].replace("Ada", "JosÃ©")}, problem.confirm)


# Invisible characters


@pytest.mark.parametrize(
    "character",
    "\u200b\u2060\ufeff\u00ad\u200e\u200f\u061c\u202a\u202e\u2066\u2067\u2068\u2069\u180e\u034f\u115f\u3164\u2800\ufe0f\U000e0041\U000e0100\u200c\u200d\u206a\ufff9",
)
def test_an_invisible_character_that_a_text_does_not_need_is_named(character):
    for name, of_name in itertools.product(("A{}na", "Ana {}Bo", "Ana{}", "{}Ana", "{}"), (True, False)):
        (problem,) = problems(name.format(character), of_name=of_name)
        assert f"U+{ord(character):04X} " in str(problem.what)
        assert problem.confirm == ()


NEEDED = [
    "علی‌رضا", "می‌رود", "بچه‌ها", "هـ‍ی", "ه‍.ش", "क्‍ष", "शरद्‌चन्द्र", "র‍্যাব", "ශ්‍රී ලංකා", "ന്‍", "ക്‍", "ᬓ᭄‌ᬓ",
    "👩‍⚕️", "👨🏽‍🤝‍👨🏻", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "3️⃣", "🙂‍↔️", "葛󠄀城", "ᠠ᠋", "©️",
]  # fmt: skip


@pytest.mark.parametrize("text", NEEDED)
def test_an_invisible_character_that_a_text_needs_stays(text):
    assert problems(text, of_name=False) == []
    assert one_line(text).replace("\u0301", "") == one_line(text)
    assert without(text) != text, "there is one"


@pytest.mark.parametrize(
    "text", ["A\u200dna", "А\u200cнна", "ع\u200cA", "1\ufe0f", "🏴\U000e0067\U000e0062", "\u200dक", "Ana\U000e0100"]
)
def test_a_character_that_others_need_is_named_where_it_is_not_needed(text):
    assert "invisible character" in str(problems(text, of_name=False)[0].what)


@pytest.mark.parametrize("name", ["-", "—", ".", "N/A", "n/a", "(N/A)", "...", "‐ ‑", "Ｎ／Ａ"])
def test_marks_are_nobodys_name(name):
    (problem,) = problems(name)
    assert "names nobody" in str(problem.what)


@given(st.text(max_size=40))
def test_a_blank_text_is_one_of_which_nothing_is_seen(text):
    assert is_blank(text) == (not without(text).strip())
    assert without(without(text)) == without(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F, categories=("Lu", "Ll", "Nd", "Zs")), max_size=30))
def test_a_guess_is_always_another_text(text):
    assert probably(text, of_name=True) != text
    assert probably(text) != text


# Nothing


NOTHING = """N/A|n/a|N.A.|n.a|NA|na|Ｎ／Ａ|-|--|–|—|―|_|.|...|…|none|None|NONE|(none)|[none]|<none>|null|NULL|nil
Not applicable
not available|unknown|TBD|tba|no team|tidak ada|TIDAK ADA|Tidak  ada|tdk ada|nihil|NIHIL|kosong|belum ada
tidak tahu|tidak berlaku
ｔｉｄａｋ　ａｄａ|none.|- none -|?|??|nan|NaN|'n/a'|n / a|tanpa tim|Belum ditentukan""".replace("\n", "|").split("|")


@pytest.mark.parametrize("text", NOTHING)
def test_words_for_nothing_are_known_in_both_languages_in_any_case_and_width(text):
    assert is_nothing(text)
    assert is_nothing(f" {text}\u200b")


@pytest.mark.parametrize(
    "text",
    ["", " ", "Bank", "People", "NASA", "Nil & Co", "Nonet", "C", "A-Team", "R&D", "0", "no", "tidak", "x", "Na Li"],
)
def test_other_words_are_something(text):
    assert not is_nothing(text)


def event(files, **columns):
    """An event in which one mentor and one mentee have these optional cells."""
    ours = ",".join(columns)
    cells = ",".join(f'"{value}"' for value in columns.values())
    mentor = "ref,name,site,languages,topics,{}\nm1,Ada,jkt,en,hiring:3,{}\nm2,Eve,jkt,en,hiring:3{}\n"
    mentee = "ref,name,site,languages,motive,topics,{}\ne1,Bo,jkt,en,career,funding,{}\ne2,Cy,jkt,en,career,funding{}\n"
    empty = "," * len(columns)
    return {
        **files,
        "mentors.csv": mentor.format(ours, cells, empty),
        "mentees.csv": mentee.format(ours, cells, empty),
    }


@pytest.mark.parametrize("text", NOTHING)
def test_a_cell_that_says_nothing_is_empty_and_that_is_said(read, files, text):
    found = read(event(files, team=text, email=text, wants=text, max_meetings=text, rounds=text))
    for person in (found.mentors[0], found.mentees[0]):
        assert (person.team, person.email, person.wants, person.rounds, person.max_meetings) == (
            "",
            "",
            (),
            (1, 2, 3, 4),
            4,
        )
    assert found.mentors[0].never == (), "they are no colleagues"
    said = {(each.file, each.field) for each in found.notices}
    assert said == set(
        itertools.product(("mentors.csv", "mentees.csv"), ("team", "email", "wants", "max_meetings", "rounds"))
    )


def test_the_same_word_in_a_column_is_said_once(read, files):
    rows = "".join(f"e{n},Bo,jkt,en,career,funding,N/A,-\n" for n in range(40))
    files["mentors.csv"] = "ref,name,site,languages,topics\nm1,Ada,jkt,en,hiring:3\n"
    files["mentees.csv"] = "ref,name,site,languages,motive,topics,team,manager\n" + rows
    notices = read(files).notices
    assert [(each.field, each.count, each.rows) for each in notices] == [
        ("team", 40, (2, 3, 4, 5, 6)),
        ("manager", 40, (2, 3, 4, 5, 6)),
    ]


def test_a_key_that_is_a_word_for_nothing_is_that_person(read, files):
    files["mentors.csv"] = "ref,name,site,languages,topics\nNA,Ada,jkt,en,hiring:3\n"
    files["mentees.csv"] = "ref,name,site,languages,motive,topics,manager\ne1,Bo,jkt,en,career,funding,NA\n"
    found = read(files)
    assert found.mentees[0].manager == found.mentors[0].id
    assert found.notices == ()


@pytest.mark.parametrize(
    "name", ["Null", "None", "NA", "True", "False", "Nan", "Ana Null", "Nihil", "Infinity", "Nil", "1E2"]
)
def test_a_name_that_programs_take_for_nothing_survives_everywhere(read, files, name):
    text = event(files, team="Bank")
    text = {each: content.replace("Ada", name).replace("Bo", name) for each, content in text.items()}
    found = read(text)
    assert (found.mentors[0].name, found.mentees[0].name, found.notices) == (name, name, ())
    form = {
        "name": name,
        "site_id": "jkt",
        "languages": ["en"],
        "email": "",
        "team": "",
        "remote": False,
        "rounds": None,
    }
    form |= {
        "max_meetings": None,
        "wants": [],
        "avoids": [],
        "motive": "career",
        "topics": ["funding"],
        "questions": [],
        "manager": None,
    }
    assert walk_in.mentee_of(form, found.program, "id", []).name == name


ERRORS = """#N/A|#REF!|#VALUE!|#NAME?|#DIV/0!|#NULL!|#NUM!|#SPILL!|#CALC!|#n/a|#BEZUG!|#NV|#¡REF!|#N/D|#VALEUR!
Err:502
#####| #REF! """.replace("\n", "|").split("|")


@pytest.mark.parametrize("column", ["name", "site", "team", "email", "topics", "wants", "ref", "languages", "lesson"])
def test_an_error_of_the_spreadsheet_is_a_fault_wherever_it_is(faults, files, column):
    files["mentees.csv"] = "ref,name,site,languages,motive,topics\ne1,C,jkt,en,career,funding\n"
    row = {"ref": "m1", "name": "Ada", "site": "jkt", "languages": "en", "topics": "hiring:3", "lesson": ""}
    for error in ERRORS:
        broken = row | {column: error}
        files["mentors.csv"] = ",".join(broken) + "\n" + ",".join(broken.values()) + "\n"
        found = [(row, field, what) for _, row, field, what in faults(files)]
        assert found == [(2, column, f"the spreadsheet has the error {error.strip()} here")]


def test_an_error_inside_a_list_is_a_fault_and_one_in_a_sentence_is_not(faults, read, files):
    assert read(
        event(files, situation="It said #REF! and I asked why")
        | {"mentees.csv": files["mentees.csv"].replace("m1", "").replace("m2", "")}
    )
    broken = files | {"mentors.csv": files["mentors.csv"].replace("hiring:3", "#REF!;hiring:3")}
    assert ("mentors.csv", 2, "topics") in {each[:3] for each in faults(broken)}
