"""The contract read a second time, with loops and dictionaries: allowed pairs, scores, rules, proofs.

Nothing here uses the planner's code, so that a mistake there cannot hide itself.
"""

from fractions import Fraction


def people(document, role):
    """People with every default filled in and the rounds in which they can be given a meeting."""
    rounds = document["rounds"]
    absent = {}
    for each in document.get("absent", []):
        absent[each["id"]] = min(each.get("from_round", 1), absent.get(each["id"], rounds + 1))
    frozen = document.get("frozen_through", 0)
    found = {}
    for each in document[role]:
        seats = each.get("seats", 1)
        most = rounds * (seats if role == "mentors" else 1)
        found[each["id"]] = {
            **each,
            "site": each.get("site", ""),
            "seats": seats,
            "max_meetings": min(each.get("max_meetings", most), most),
            "open": {
                number
                for number in each.get("rounds", range(1, rounds + 1))
                if number > frozen and number < absent.get(each["id"], rounds + 1)
            },
        }
    return found


def frozen_meetings(document):
    frozen = document.get("frozen_through", 0)
    return [each for each in document.get("current", []) if each["round"] <= frozen]


def future_meetings(document):
    """What was announced for rounds still to come, as (round, mentee, mentor)."""
    frozen = document.get("frozen_through", 0)
    return {
        (each["round"], each["mentee"], each["mentor"])
        for each in document.get("current", [])
        if each["round"] > frozen
    }


def topic_points(count):
    shares = [sum(Fraction(1, low) for low in range(rank, count + 1)) / count for rank in range(1, count + 1)]
    points = [int(600 * share) for share in shares]
    return [600 - sum(points[1:]), *points[1:]] if count else []


def score_parts(mentee, mentor):
    topics = mentee.get("topics", [])
    points = topic_points(len(topics))
    levels = mentor.get("topics", {})
    asks = mentor["id"] in mentee.get("wants", [])
    asked = mentee["id"] in mentor.get("wants", [])
    motives = mentor.get("motives", [])
    return {
        "topics": sum(share * levels.get(topic, 0) // 5 for share, topic in zip(points, topics, strict=True)),
        "motive": 100 if "motive" in mentee and (not motives or mentee["motive"] in motives) else 0,
        "storytelling": 20 * mentor.get("storytelling", 0),
        "wants": 200 if asks and asked else 80 * asks + 40 * asked,
    }


def apart(document):
    """Why two may not meet, by pair (mentee, mentor) of those who may not: of several causes all."""
    mentees, mentors = people(document, "mentees"), people(document, "mentors")
    causes = {}

    def same(one, other):
        return "person" in one and one["person"] == other.get("person")

    def add(e, m, cause, turned):
        """For both persons: also under other ids, and where they take part the other way round."""
        for one, mentee in mentees.items():
            for other, mentor in mentors.items():
                if (one == e or same(mentee, mentees[e])) and (other == m or same(mentor, mentors[m])):
                    causes.setdefault((one, other), set()).add(cause)
                if same(mentee, mentors[m]) and same(mentor, mentees[e]):
                    causes.setdefault((one, other), set()).add(turned)

    for e, mentee in mentees.items():
        for m, mentor in mentors.items():
            if same(mentee, mentor):
                causes.setdefault((e, m), set()).add("self")
            if "team" in mentee and mentee["team"] == mentor.get("team"):
                causes.setdefault((e, m), set()).add("team")
        for m in mentee.get("avoid", []):
            add(e, m, "avoid", "never")
        if "manager" in mentee:
            add(e, mentee["manager"], "manager", "never")
    for e, m in document.get("never", []):
        add(e, m, "never", "never")
    for e, m in document.get("met_before", []):
        add(e, m, "met", "met")
    for each in frozen_meetings(document):
        causes.setdefault((each["mentee"], each["mentor"]), set()).add("met")
    return causes


def allowed_pairs(document):
    """Score of every pair that may meet at all (rounds aside, but for having one in common)."""
    mentees, mentors = people(document, "mentees"), people(document, "mentors")
    never = apart(document)
    given = {(e, m): score for e, m, score in document["scores"]} if "scores" in document else None
    found = {}
    for e, mentee in mentees.items():
        for m, mentor in mentors.items():
            spoken, heard = set(mentee.get("languages", [])), set(mentor.get("languages", []))
            if spoken and heard and not spoken & heard:
                continue
            together = mentee["site"] == mentor["site"]
            if not together and not (mentee.get("remote", False) and mentor.get("remote", False)):
                continue
            if (e, m) in never or not mentee["open"] & mentor["open"]:
                continue
            if given is None:
                found[e, m] = sum(score_parts(mentee, mentor).values())
            elif given.get((e, m), -1) >= 0:
                found[e, m] = given[e, m]
    return found


def doubles(document):
    """Who takes part in both roles: the id as mentee and as mentor."""
    return [
        (mentee["id"], mentor["id"])
        for mentee in document["mentees"]
        for mentor in document["mentors"]
        if "person" in mentee and mentee["person"] == mentor.get("person")
    ]


def counts_of(document, meetings):
    count = dict.fromkeys((each["id"] for each in document["mentees"]), 0)
    for each in meetings:
        count[each["mentee"]] += 1
    return count


def broken_rules(document, plan):
    """Every hard rule of the contract that ``plan`` breaks, in words."""
    broken = []
    mentees, mentors = people(document, "mentees"), people(document, "mentors")
    allowed = allowed_pairs(document)
    frozen = {(each["round"], each["mentee"], each["mentor"]) for each in frozen_meetings(document)}
    listed = [(each["round"], each["mentee"], each["mentor"]) for each in plan["meetings"]]
    if not frozen <= set(listed):
        broken.append("a frozen meeting is gone")
    if len({(e, m) for _, e, m in listed}) < len(listed):
        broken.append("a pair meets twice")
    if len({(r, e) for r, e, _ in listed}) < len(listed):
        broken.append("a mentee is in two meetings of one round")
    busy, tables, given = {}, {}, {}
    for each in plan["meetings"]:
        r, e, m = each["round"], each["mentee"], each["mentor"]
        given[m] = given.get(m, 0) + 1
        new = (r, e, m) not in frozen
        if new:
            busy[r, m] = busy.get((r, m), 0) + 1
            if (e, m) not in allowed:
                broken.append(f"{e} may not meet {m}")
            elif each["score"] != allowed[e, m]:
                broken.append(f"{e} with {m} scores {allowed[e, m]}, not {each['score']}")
            if r not in mentees[e]["open"] or r not in mentors[m]["open"]:
                broken.append(f"{e} or {m} is away in round {r}")
            if tables.setdefault(m, each["table"]) != each["table"]:
                broken.append(f"{m} changes tables")
            if tables.setdefault((each["site"], r, each["table"]), m) != m:
                broken.append(f"two mentors at {each['table']}")
        if sum(each["because"].values()) != each["score"]:
            broken.append("the parts are not the score")
        if each["site"] != mentors[m]["site"]:
            broken.append("the meeting is not at the mentor's site")
    for e, m in doubles(document):
        as_mentee = {r for r, mentee, _ in listed if mentee == e and (r, e, _) not in frozen}
        if as_mentee & {r for r, _, mentor in listed if mentor == m}:
            broken.append(f"{e} is {m}, at two tables at once")
    held = counts_of(document, frozen_meetings(document))
    for e, count in counts_of(document, plan["meetings"]).items():
        if count > max(mentees[e]["max_meetings"], held[e]):
            broken.append(f"{e} has too many meetings")
    for m, count in given.items():
        before = sum(1 for _, _, mentor in frozen if mentor == m)
        if count > max(mentors[m]["max_meetings"], before):
            broken.append(f"{m} has too many meetings")
    broken += [f"{m} has too few seats in round {r}" for (r, m), n in busy.items() if n > mentors[m]["seats"]]
    return broken + broken_quality(document, plan)


def broken_quality(document, plan):
    """Every figure and list of ``plan`` that its meetings do not bear out."""
    quality, meetings = plan["quality"], plan["meetings"]
    count = counts_of(document, meetings)
    listed = {(each["round"], each["mentee"], each["mentor"]) for each in meetings}
    kept = len(future_meetings(document) & listed)
    right = {
        "meetings": len(meetings),
        "score": sum(each["score"] for each in meetings),
        "gap": (quality["bound"] - quality["score"]) / max(1, quality["bound"]),
        "least": min(count.values()),
        "most": max(count.values()),
        "kept": kept,
        "changed": len(future_meetings(document)) - kept,
    }
    broken = [f"{name} is {quality[name]}, not {value}" for name, value in right.items() if quality[name] != value]
    if quality["bound"] < quality["score"]:
        broken.append("the bound is below the score")
    if quality["certified"] and quality["bound"] != quality["score"]:
        broken.append("certified with a gap")
    if {each["mentee"] for each in plan["unmet"]} != {e for e, n in count.items() if n == 0}:
        broken.append("the unmet are not those without a meeting")
    if any(not each["reason"] for each in plan["unmet"]):
        broken.append("an unmet mentee has no reason")
    return broken
