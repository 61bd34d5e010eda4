"""The InfluxDB ledger: influxdb-client's synchronous v2 write, confirmed batch by batch.

The client's batching mode is not used: its ``write()`` returns at once and what a long outage
outlives is dropped (influxdata/influxdb-client-python#80). Here nothing is buffered; the journal
is the buffer, and one request is one batch.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

from vagalwatch.deliver.points import line, points
from vagalwatch.deliver.port import PoisonedError, UnavailableError
from vagalwatch.deliver.secret import read_secret
from vagalwatch.settings import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vagalwatch.journal.port import Entry
    from vagalwatch.settings import InfluxSettings

TIMEOUT_S: Final = 10.0
"""Until a server that accepts and never answers counts as away."""

TOKEN_RETRY_S: Final = 60.0
"""A refused token needs a person; asking more often only fills the server's log."""

NO_CONTENT: Final = 204
BAD_REQUEST: Final = 400
UNAUTHORISED: Final = frozenset({401, 403})
NOT_FOUND: Final = 404
TOO_LARGE: Final = 413
UNPROCESSABLE: Final = 422
OVERLOADED: Final = frozenset({429, 503})


T = TypeVar("T")

FIRST_TIME: Final = "1970-01-01T00:00:00Z"
"""No run's clock is earlier."""
LAST_TIME: Final = "2262-04-11T00:00:00Z"
"""The end of 64 bits of nanoseconds."""


class RefusedError(UnavailableError):
    """Not with this token, or not at this address."""


class InfluxLedger:
    """Writes journal entries to one bucket; blocking, for one thread at a time.

    The token is read at the first write and again after a refusal, so a new one needs no
    restart.
    """

    name = "influxdb"

    def __init__(
        self, settings: InfluxSettings, site: str, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        """Keep where to write; nothing is opened or imported yet."""
        self._settings = settings
        self._site = site
        self._timeout_s = timeout_s
        self._client: Any = None
        self._turn = threading.Lock()  # one write or one forgetting at a time
        self._forgotten: set[str] = set()

    def write(self, entries: Sequence[Entry]) -> None:
        """Write the points of ``entries`` in order; return only on InfluxDB's 204.

        Raises:
            UnavailableError: not confirmed, for any reason that another attempt may mend.
            PoisonedError: InfluxDB will never take a part of it, or it cannot be written down.
        """
        with self._turn:
            try:
                lines = [
                    line(point)
                    for entry in entries
                    for point in points(entry, self._site)
                    # By the point: a session is the site's record and has a point of each of two.
                    if dict(point.tags).get("wearer") not in self._forgotten
                ]
                body = "\n".join(lines).encode()
            except ValueError as error:  # also a lone surrogate in a text
                raise PoisonedError(f"cannot be written as line protocol: {error}") from error
            if body:
                self.post(body)

    def forget(self, wearer: str) -> None:
        """Write nothing of ``wearer`` any more; blocks until a write under way is over.

        What was read from the journal before is waiting in the drain, and must not come after
        the deletion.
        """
        with self._turn:
            self._forgotten.add(wearer)

    def delete(self, wearer: str) -> None:
        """Delete every point of ``wearer`` at this site; return only on InfluxDB's 204.

        A token that may write the bucket may delete from it (*InfluxDB v2 API*, ``POST
        /api/v2/delete``).

        Raises:
            UnavailableError: not confirmed.
        """
        from influxdb_client.domain.delete_predicate_request import (  # noqa: PLC0415 - as in post
            DeletePredicateRequest,
        )
        from influxdb_client.service.delete_service import DeleteService  # noqa: PLC0415 - as above

        settings = self._settings
        everything: Any = DeletePredicateRequest(  # type: ignore[no-untyped-call]
            start=FIRST_TIME, stop=LAST_TIME, predicate=f'site="{self._site}" AND wearer="{wearer}"'
        )

        def ask(api: Any) -> int:  # noqa: ANN401 - untyped
            service: Any = DeleteService(api)  # type: ignore[no-untyped-call]
            _, status, _ = service.post_delete_with_http_info(
                everything, org=settings.org, bucket=settings.bucket
            )
            return int(status)

        try:
            status = self._ask(ask)
        except RefusedError as error:
            raise UnavailableError(
                f"{error.advice} (InfluxDB 2 is meant; in a 1.x run DROP SERIES WHERE "
                "\"wearer\" = '...' by hand.)",
                error.retry_after_s,
            ) from error
        except PoisonedError as error:  # an answer to a write; here it is a refusal
            raise UnavailableError(f"InfluxDB refuses to delete: {error}.") from error
        if status != NO_CONTENT:
            raise UnavailableError(f"{settings.url} answers a deletion with {status}.")

    def count(self, wearer: str) -> int | None:
        """How many points of ``wearer`` stand there; ``None`` where this token may not look.

        By InfluxQL, which 1.x, 2.x and 3.x answer.

        Raises:
            UnavailableError: it does not answer.
        """
        query = (
            f"SELECT count(*) FROM /.*/ WHERE \"site\" = '{self._site}' AND \"wearer\" = '{wearer}'"  # noqa: S608 - InfluxQL; both are pseudonyms
        )

        def ask(api: Any) -> object:  # noqa: ANN401 - untyped
            found, _, _ = api.call_api(
                "/query",
                "GET",
                query_params=[("db", self._settings.bucket), ("q", query)],
                header_params={"Accept": "application/json"},
                response_type="object",
                auth_settings=[],
            )
            return found

        try:
            return _points_in(self._ask(ask))
        except RefusedError:
            return None
        except PoisonedError as error:
            raise UnavailableError(f"InfluxDB refuses a query: {error}.") from error

    def close(self) -> None:
        """Give back the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def post(self, body: bytes) -> None:
        """Write line protocol; see :meth:`write`."""
        from influxdb_client.service.write_service import WriteService  # noqa: PLC0415 - see _ask

        settings = self._settings

        def ask(api: Any) -> int:  # noqa: ANN401 - untyped
            # The service under the client's write API, because that one hides the status.
            service: Any = WriteService(api)  # type: ignore[no-untyped-call]
            _, status, _ = service.post_write_with_http_info(
                settings.org,
                settings.bucket,
                body,
                precision="ns",
                content_type="text/plain; charset=utf-8",
            )
            return int(status)

        status = self._ask(ask)
        if status != NO_CONTENT:
            raise UnavailableError(
                f"{settings.url} answers a write with {status}: this is no InfluxDB; "
                "check influx.url."
            )

    def _ask(self, ask: Callable[[Any], T]) -> T:
        """What InfluxDB answers, or its refusal as one of the port's errors."""
        # Imported here because it costs a second of start-up and 30 MB, and no beat waits for it.
        from influxdb_client.client.influxdb_client import InfluxDBClient  # noqa: PLC0415
        from influxdb_client.rest import ApiException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        settings = self._settings
        if self._client is None:
            self._client = InfluxDBClient(
                url=settings.url,
                token=self._token(),
                org=settings.org,
                timeout=round(self._timeout_s * 1000),
            )
        try:
            return ask(self._client.api_client)
        except ApiException as error:
            if error.status in UNAUTHORISED:
                self.close()
            raise self._meaning(error) from error
        except (HTTPError, OSError, ValueError) as error:  # ValueError: an answer that is no text
            raise UnavailableError(
                f"InfluxDB at {settings.url} cannot be reached ({type(error).__name__}): "
                "is it running?"
            ) from error

    def _meaning(self, error: Any) -> UnavailableError | PoisonedError:  # noqa: ANN401 - untyped
        settings = self._settings
        status: int = error.status
        said = _said(error.body)
        # Only a refusal in InfluxDB's own words is about the data: a proxy that is set up wrongly
        # answers 400 as well, and must not set the whole journal aside.
        about_data = status in {BAD_REQUEST, UNPROCESSABLE} and said is not None
        if about_data or status == TOO_LARGE:
            return PoisonedError(said or "too large")
        if status in UNAUTHORISED:
            return RefusedError(
                f"InfluxDB refuses the token: put one that may write to bucket "
                f"“{settings.bucket}” into influx.token_file ({settings.token_file}).",
                retry_after_s=TOKEN_RETRY_S,
            )
        if status == NOT_FOUND:
            return RefusedError(
                f"InfluxDB has no bucket “{settings.bucket}” in organisation "
                f"“{settings.org}”: create it, or set influx.bucket and influx.org.",
                retry_after_s=TOKEN_RETRY_S,
            )
        if status in OVERLOADED:
            return UnavailableError(
                "InfluxDB asks to wait; nothing is lost.", _seconds(error.retry_after)
            )
        return UnavailableError(
            f"InfluxDB at {settings.url} answers a write with {status or error.reason}: "
            "look into its log, or check influx.url."
        )

    def _token(self) -> str:
        file = self._settings.token_file
        if file is None:
            return ""  # an InfluxDB without accounts
        try:
            return read_secret(file, "influx.token_file")
        except ConfigError as error:
            raise UnavailableError(str(error), retry_after_s=TOKEN_RETRY_S) from error


def probe(settings: InfluxSettings, timeout_s: float) -> str | None:
    """What keeps InfluxDB from taking writes, as a sentence; ``None`` if nothing does.

    Sends a comment line, which asks for address, token and bucket and stores nothing.
    """
    ledger = InfluxLedger(settings, site="", timeout_s=timeout_s)
    try:
        ledger.post(b"# vagalwatch doctor")
    except UnavailableError as error:
        return error.advice
    except PoisonedError:
        return None  # only the line itself was refused, and that comes last
    finally:
        ledger.close()
    return None


def _points_in(answer: Any) -> int | None:  # noqa: ANN401 - whatever JSON says
    """Of each measurement the points of its fullest field; ``None``: no right to the database.

    A user without rights gets an error in a 200 (1.x), a database that is not mapped in 2.x too.
    """
    results = answer.get("results", []) if isinstance(answer, dict) else []
    if not results or any("error" in result for result in results):
        return None
    series = [one for result in results for one in result.get("series", [])]
    rows = [row[1:] for one in series for row in one["values"]]
    return sum(max(count or 0 for count in row) for row in rows)


def _said(body: str | None) -> str | None:
    """InfluxDB's own words in an error: ``error`` in 1.x and 3.x, ``message`` in 2.x."""
    try:
        answer = json.loads(body or "")
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    words = answer.get("error") or answer.get("message")
    return str(words) if words else None


def _seconds(retry_after: str | None) -> float | None:
    """``Retry-After`` in seconds (RFC 9110, 10.2.3); its other form, a date, is left aside."""
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
