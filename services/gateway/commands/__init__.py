"""Commands that other systems give by message: carried out as if they had come over HTTP."""
