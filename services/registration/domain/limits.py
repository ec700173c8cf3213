"""How much there may be of everything, and what codes look like. Lengths are in characters."""

import re

MOST_ROUNDS = 100
MOST_SITES = 10_000
MOST_WARNINGS = 10
LONGEST_BREAK = 86_400
MOST_ROWS = 100_000

TITLE = 200
NAME = 200
EMAIL = 254
TEAM = 100
QUESTION = 500
STORY_PART = 1_000

MOST_QUESTIONS = 10
MOST_TOPICS = 50
MOST_LANGUAGES = 20
MOST_WISHES = 100
"""People one participant can want, and avoid."""
MOST_SEATS = 100
MOST_MEETINGS = MOST_ROUNDS * MOST_SEATS
TOP_LEVEL = 5

MOTIVES = ("career", "network", "problem", "perspective")
"""What people come to speed mentoring for."""

CODE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
#: No dots: site ids are names of fields in databases.
SITE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
