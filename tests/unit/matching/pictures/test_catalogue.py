"""What a plan file says in English is said again in another language."""

from services.matching.pictures.retranslating import spoken_again


def test_a_reason_and_what_would_help_are_said_again_in_indonesian():
    english = "no mentor shares a language; one more mentor who speaks id at Surabaya in round 3 would serve 4 people"
    assert spoken_again(english, "id") == (
        "tidak ada mentor dengan bahasa yang sama; "
        "satu mentor lagi yang berbahasa id di Surabaya pada ronde 3 akan melayani 4 orang"
    )
    assert spoken_again(english, "en") == english
