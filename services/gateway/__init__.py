"""The only door for people: the HTTP API, the live channel and the web pages. It keeps nothing of its own."""
