"""Who takes part: programs and their sites, mentors and mentees, what they bring and whether they have come."""
