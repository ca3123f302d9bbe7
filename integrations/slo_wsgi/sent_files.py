"""Files that a WSGI server sends by itself."""

from __future__ import annotations

__all__ = ["may_be_sent_by_server"]


def may_be_sent_by_server(file: object, wrapper: object) -> bool:
    """
    Whether a server may send a file that went into its `wsgi.file_wrapper` without a look at the wrapper's chunks.

    Args:
        file: The file.
        wrapper: What the server's wrapper made of it, or the wrapper.
    """
    try:
        if hasattr(wrapper, "prepare"):  # waitress reads while the client takes, where the file can seek
            is_seekable = getattr(file, "seekable", None)
            return hasattr(file, "seek") and hasattr(file, "tell") if is_seekable is None else bool(is_seekable())
        file.fileno()  # type: ignore[attr-defined]  # for sendfile
    except Exception:  # `io.UnsupportedOperation`, no such method, or a file that is closed
        return False
    return True
