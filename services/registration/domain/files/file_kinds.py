"""What a file is by its first characters, where it is no table of text."""

import re

from shared.messages import Message, say

_ZIP = "PK\x03\x04"
#: D0 CF 11 E0, of which only the third byte is UTF-8.
_OLE = "\ufffd\ufffd\x11"


def not_a_table(text: str) -> tuple[Message, Message] | None:
    """What ``text`` is, read as UTF-8 with unreadable bytes replaced, and what to do; None if it may be a table."""
    save = say("save it as CSV UTF-8 and choose that")
    if text.startswith((_ZIP, "PK\x05\x06")):
        if "vnd.oasis.opendocument" in text[:200]:
            return say("this is an OpenDocument spreadsheet"), save
        if "[Content_Types].xml" in text[:4000] or "xl/" in text or "_rels/" in text[:4000]:
            return say("this is an Excel workbook"), save
        return say("this is a ZIP archive"), say("take the files out of it and choose those")
    if text.startswith(_OLE):
        return say("this is an Excel workbook of an old kind"), save
    if text.startswith("%PDF-"):
        return say("this is a PDF"), say("save the table as CSV UTF-8 where it comes from, and choose that")
    if re.match(r"\s*(<!doctype html|<html|<\?xml|<table|<div)", text[:200], re.IGNORECASE):
        return say("this is a page or an XML file, no table"), save
    if text.startswith("{\\rtf"):
        return say("this is a document, no table"), save
    if "\0" in text:
        return say("the file is not text in UTF-8"), say("save it anew as CSV UTF-8")
    return None
