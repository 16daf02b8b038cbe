from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.rows import EncodedRequest
from capture_agent.rows.client_names import ClientNames

class HttpRowWriter:
    def __init__(self, sensor: str, site: str = "", clients: ClientNames = ...) -> None: ...
    def __call__(self, joined: JoinedRequest) -> EncodedRequest: ...
