from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import HelloFacts

def hello_facts(message: bytes, transport: Transport) -> HelloFacts: ...
