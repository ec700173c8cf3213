"""What a session is and when its bells ring: pure values and functions of the timetable and ``now``.

The timetable is the truth. State follows from it and from the time, so nothing has to be written at the instant
a round ends: what that instant publishes can be computed ahead, and a late bell moves no later round.
"""
