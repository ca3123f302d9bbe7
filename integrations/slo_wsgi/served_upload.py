"""Requests that may announce a body."""

from __future__ import annotations

from slo_wsgi.served_request import ServedRequest
from slo_wsgi.upload import Upload

__all__ = ["ServedUpload"]


class ServedUpload(ServedRequest):
    """
    Notes that the client went away before its request was complete.

    Attributes:
        upload: The request's own body; None where it announced none.
    """

    __slots__ = ("upload",)

    upload: Upload | None

    def follow_upload(self, upload: Upload | None) -> None:
        """Begin to watch the body."""
        self.upload = upload
        if upload is not None:
            self.disturbed()  # so that the start of the answer looks at the body

    def answer_disturbed(self, status: int) -> None:
        if self._is_lost():
            self._note_lost()
        else:
            super().answer_disturbed(status)

    def reported(self, exception: BaseException, *, is_last_resort: bool) -> None:
        if not self._is_lost():
            super().reported(exception, is_last_resort=is_last_resort)

    def raised(self, exception: BaseException) -> None:
        if self.finished or not self._is_lost():
            super().raised(exception)
            return
        self.is_answered = False
        self._note_lost()
        self.finish()

    def _is_lost(self) -> bool:
        return self.upload is not None and self.upload.is_broken

    def _note_lost(self) -> None:
        """What the application makes of a body that was broken off reaches no client."""
        self.disconnected = True
        if self.first_byte is None:
            self.status = None
        self.exception = None
