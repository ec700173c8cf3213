"""What is to be solved, in arrays: people, the scores of pairs, independent parts, and what counts as fair."""
