"""What comes in and goes out over HTTP, as marshmallow schemas: they check it, and the API document is made of them."""
