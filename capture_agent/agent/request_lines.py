"""Lines of the cleartext requests in a capture, for `ja4-agent read`."""

from __future__ import annotations

from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.events import JoinState
from capture_agent.flows.flow_events import HttpExchange
from capture_agent.intake.normal_form import NormalForm
from capture_agent.rows.exchange import exchange_event, syn_facts
from capture_agent.rows.http_request import http_request_row
from capture_agent.sink.encode import encode_row


class RequestLines:
    """JSON lines of requests: the columns of `raw_http_requests`."""

    def __init__(self, sensor: str, ports: frozenset[int], form: NormalForm | None = None) -> None:
        """`ports`: those of servers on which cleartext HTTP is read."""
        self.ports = ports
        self._sensor = sensor
        self._form = form or NormalForm()

    def line(self, exchange: HttpExchange) -> bytes:
        """The line of one request."""
        request = JoinedRequest(
            event=self._form.of(exchange_event(exchange)),
            state=JoinState.CLEARTEXT,
            candidates=0,
            confidence=0.0,
            conn_id=exchange.epoch.conn_id,
            seq_on_conn=exchange.number,
            hello=syn_facts(exchange.epoch),
            hello_to_request_us=None,
        )
        return encode_row(http_request_row(request, self._sensor))
