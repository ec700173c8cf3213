"""What people say of their meetings: ratings, takeaways, who stays in touch with whom, and the program's report."""
