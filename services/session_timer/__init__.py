"""The timetable made real: rounds, warnings and breaks of every site, on time and at most 15 minutes a meeting."""
