"""One job's log on the disk of its host, by offset, also where bytes of it had to be given up.

The file that the job writes to is its log, byte for byte, until the spool is full: then the oldest bytes
that nobody was sent are given up, and the log has one line in their place. From there on an offset in the
log is no longer the same position in the file: a :class:`Cut` says how the two go together. Bytes that are
under way to the server stay what they are, so that asking again is always the same question.

What if it dies here? ``delivered`` in the attempt directory says how much the server has, what was under way
to it, and where the log is cut. It is written with every chunk and every answer, and with a cut before any
byte of it is gone; in place and always of one length, for that needs no room on a full disk. It is flushed
only before bytes go, as it has to outlive the agent and not its host. Where it is missing, the next agent
starts at offset 0. In any case the server's word counts: its first answer says where the log goes on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_agent import holes
from edge_agent.protocol.streams import REPEAT_BYTES, shifts_in

RECORD = "delivered"

RECORD_BYTES = 2048
"""More than it ever needs: two cuts, each with a line."""

LINE_BYTES = 65_536
"""How far the end of a line is looked for, so that what is given up ends with it."""

SHIFT_BYTES = 4 * REPEAT_BYTES
"""How far a shift is looked for. A piece that begins just before it is due may be twice a pipe's length."""

LAST_BYTES = 65_536
"""What is kept of a log that the server does not take: its end, for whoever looks at the host."""

Note = Callable[[int], str]
"""Returns the line that stands for so many missing bytes: ASCII, with its line end."""


@dataclass(frozen=True)
class Cut:
    """From the offset ``at`` in the log comes ``note``, then the file from position ``resume`` on.

    ``missing``: how many bytes the note stands for.
    """

    at: int = 0
    resume: int = 0
    missing: int = 0
    note: str = ""

    @property
    def end(self) -> int:
        """The offset behind the note."""
        return self.at + len(self.note)

    def position_of(self, offset: int) -> int:
        """Return where in the file an offset behind the note is."""
        return self.resume + offset - self.end


class SpooledLog:
    """The log that a job writes to ``path``, with ``folder`` as its attempt directory.

    ``is_woven``: it holds two streams (:mod:`edge_agent.protocol.streams`). Behind what is given up it goes on
    where which of them it is in is said anew.
    """

    def __init__(self, path: Path, folder: Path, *, note: Note, is_woven: bool = False) -> None:
        self.path = path
        self.delivered = 0
        """The offset up to which the server has the log."""
        self.is_wanted = True
        """Whether the server takes more of it."""
        self._record = folder / RECORD
        self._offer = folder / "offer.json"
        self._note = note
        self._is_woven = is_woven
        self._here = Cut()
        self._ahead: Cut | None = None
        self._kept_from = 0
        self._under_way = 0
        self._spared: list[tuple[int, int]] = []
        self._load()
        self._save()  # it has its place on the disk from now on, also when that is full

    def read(self, most_bytes: int) -> bytes:
        """Return what follows what was delivered. It is under way from now on.

        :raises OSError: when the file cannot be read; one that is not there yet is empty.
        """
        if self._ahead is not None and self.delivered >= self._ahead.at:
            self._here, self._ahead = self._ahead, None
            self._kept_from = max(self._kept_from, self._here.at)
        if self.delivered < self._here.end:
            chunk = self._here.note[self.delivered - self._here.at :].encode()[:most_bytes]
        else:
            left = most_bytes if self._ahead is None else self._ahead.at - self.delivered
            chunk = self._read_file(self._here.position_of(self.delivered), min(most_bytes, left))
        if self.delivered + len(chunk) > self._under_way:
            self._under_way = self.delivered + len(chunk)
            self._save()
        return chunk

    def settle(self, next_offset: int) -> None:
        """Take the server's word for how much of the log it has."""
        if next_offset < self._kept_from:  # it had more, and forgot: it was restored from a backup, say
            cut = self._ahead or self._here
            missing = max(self._kept_from, cut.at) - next_offset + cut.missing * (self._kept_from < cut.end)
            resume = cut.position_of(max(self._kept_from, cut.end))
            if self._is_woven:
                skipped = self._to_a_shift(resume, 0)
                missing, resume = missing + skipped, resume + skipped
            self._here, self._ahead = Cut(next_offset, resume, missing, self._note(missing)), None
            self._kept_from = next_offset
        self.delivered = self._under_way = next_offset
        self._save()

    def drop(self, least_bytes: int) -> int:
        """Give up the oldest bytes that are not under way, to the end of a line or to a shift; return how many.

        None are given up that could not be noted. Their place on the disk is :meth:`free`'s to give back.
        """
        cut, before = self._ahead or self._here, (self._here, self._ahead, self._kept_from)
        if not self.is_wanted or cut.at < self._under_way < cut.end:
            return 0  # it is given back without that; or a note is half sent, for a moment
        if self._under_way > cut.at:
            cut = Cut(self._under_way, cut.position_of(self._under_way))
        count = (self._to_a_shift if self._is_woven else self._whole_lines)(cut.resume, least_bytes)
        if count == 0:
            return 0
        note = self._note(cut.missing + count)
        if cut.note.startswith("\n") or (not cut.note and self._is_within_line(cut)):
            note = "\n" + note
        cut = Cut(cut.at, cut.resume + count, cut.missing + count, note)
        if cut.at == self.delivered:
            self._here, self._ahead, self._kept_from = cut, None, cut.at
        else:
            self._ahead = cut
        if not self._save():
            self._here, self._ahead, self._kept_from = before
            return 0
        return count

    def spare(self) -> list[tuple[int, int]]:
        """Return the ranges of the file that nobody will ask for; none if it has returned the same before."""
        position = self._here.position_of(max(self.delivered, self._here.end))
        ranges = [(0, position if self.is_wanted else max(position, self._size() - LAST_BYTES))]
        if self._ahead is not None:
            ranges.append((self._here.position_of(self._ahead.at), self._ahead.resume))
        if ranges == self._spared:
            return []
        self._spared = ranges
        self._kept_from = max(self._kept_from, self.delivered)
        self._save()
        return ranges

    def free(self, ranges: list[tuple[int, int]]) -> None:
        """Give ranges of the file back to the disk; the rest stays where it is. May be called from a thread.

        :raises OSError: when the file system cannot do that.
        """
        with suppress(FileNotFoundError), self._record.open("rb") as record:
            os.fsync(record.fileno())
        with suppress(FileNotFoundError), self.path.open("r+b") as file:
            for begin, end in ranges:
                holes.punch(file.fileno(), begin, end)

    def disk_bytes(self) -> int:
        """How much of the disk it takes now."""
        try:
            stat = self.path.stat()
        except OSError:
            return 0
        return min(stat.st_blocks * 512, stat.st_size)

    def left_bytes(self) -> int:
        """How much of it the server does not have yet, and is to get."""
        if not self.is_wanted:
            return 0
        cut = self._ahead or self._here
        return max(0, cut.end + max(0, self._size() - cut.resume) - self.delivered)

    def began(self) -> float:
        """When its job came to this host, in seconds since the epoch; 0 when that is not known."""
        try:
            return self._offer.stat().st_mtime
        except OSError:
            return 0.0

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def _read_file(self, position: int, most_bytes: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                return os.pread(file.fileno(), most_bytes, position)
        except FileNotFoundError:  # It has not written a line yet.
            return b""

    def _whole_lines(self, position: int, least_bytes: int) -> int:
        """Return how many bytes from a position on to give up: so many, and on to the end of a line."""
        there = max(0, self._size() - position)
        if least_bytes >= there:
            return there
        last_and_following = self._read_file(position + least_bytes - 1, LINE_BYTES)
        return least_bytes + max(0, last_and_following.find(b"\n"))

    def _to_a_shift(self, position: int, least_bytes: int) -> int:
        """Return how many bytes from a position on to give up: so many, and on to a shift, or else back to one."""
        least_bytes = min(least_bytes, max(0, self._size() - position))
        before = min(least_bytes, SHIFT_BYTES)
        around = self._read_file(position + least_bytes - before, before + SHIFT_BYTES)
        counts = [least_bytes - before + shift for shift in shifts_in(around)]
        return next((count for count in counts if count >= least_bytes), counts[-1] if counts else 0)

    def _is_within_line(self, cut: Cut) -> bool:
        return cut.at > 0 and self._read_file(cut.resume - 1, 1) != b"\n"

    def _load(self) -> None:
        try:
            fields = json.loads(self._record.read_bytes())
            here, ahead = (Cut(**fields[name]) if fields[name] else None for name in ("here", "ahead"))
            self.delivered, self._under_way, self._kept_from = fields["offsets"]
        except (OSError, ValueError, LookupError, TypeError):
            return  # It was never written, or the host died while it was.
        self._here, self._ahead = here or Cut(), ahead

    def _save(self) -> bool:
        """Write the record; return whether the disk took it."""
        ahead = asdict(self._ahead) if self._ahead else None
        offsets = self.delivered, self._under_way, self._kept_from
        fields = {"offsets": offsets, "here": asdict(self._here), "ahead": ahead}
        try:
            handle = os.open(self._record, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                return os.pwrite(handle, json.dumps(fields).encode().ljust(RECORD_BYTES), 0) == RECORD_BYTES
            finally:
                os.close(handle)
        except OSError:
            return False
