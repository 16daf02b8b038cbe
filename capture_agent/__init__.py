"""The sensor: reads handshakes and HTTP requests on a web server and emits the joined events."""

__version__ = "0.1.0"
