"""What travels: the frame of a message, its head, masks and values as bytes, and the account of those bytes.

``codec`` is the entrance; mask codings, quantizers and entropy coders are plug-ins, one per file. Whatever
arrives malformed raises ``CodecError`` and nothing else: sizes are checked against the shapes that the
receiver expects before anything is allocated, and no byte ever names code.
"""
