"""Numbers of TLS and DTLS that the agent knows by name (IANA registries, RFC 8701)."""

from __future__ import annotations

from typing import Final

GREASE: Final = frozenset(0x0A0A + 0x1010 * i for i in range(16))
"""The sixteen reserved 16-bit values of RFC 8701 section 2: 0x0a0a, 0x1a1a … 0xfafa. 0xeeee is not one."""

HANDSHAKE_CLIENT_HELLO: Final = 1

RECORD_CHANGE_CIPHER_SPEC: Final = 20
RECORD_HANDSHAKE: Final = 22
RECORD_APPLICATION_DATA: Final = 23

EXT_SERVER_NAME: Final = 0x0000
EXT_SUPPORTED_GROUPS: Final = 0x000A
EXT_EC_POINT_FORMATS: Final = 0x000B
EXT_SRP: Final = 0x000C
EXT_SIGNATURE_ALGORITHMS: Final = 0x000D
EXT_ALPN: Final = 0x0010
EXT_PADDING: Final = 0x0015
EXT_SESSION_TICKET: Final = 0x0023
EXT_KEY_SHARE_DRAFT: Final = 0x0028
"""key_share of TLS 1.3 drafts before 23."""
EXT_PRE_SHARED_KEY: Final = 0x0029
EXT_EARLY_DATA: Final = 0x002A
EXT_SUPPORTED_VERSIONS: Final = 0x002B
EXT_COOKIE: Final = 0x002C
EXT_KEY_SHARE: Final = 0x0033
EXT_CONNECTION_ID_DRAFT: Final = 0x0035
EXT_CONNECTION_ID: Final = 0x0036
EXT_QUIC_TRANSPORT_PARAMETERS: Final = 0x0039
EXT_ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
EXT_ENCRYPTED_SERVER_NAME: Final = 0xFFCE
"""draft-ietf-tls-esni-02, the forerunner of ECH."""
EXT_RENEGOTIATION_INFO: Final = 0xFF01
EXT_QUIC_TRANSPORT_PARAMETERS_DRAFT: Final = 0xFFA5
"""quic_transport_parameters of QUIC drafts up to 32."""

SSL_2: Final = 0x0002

POST_QUANTUM_GROUPS: Final = frozenset(
    {
        0x0200,  # MLKEM512
        0x0201,  # MLKEM768
        0x0202,  # MLKEM1024
        0x11EB,  # SecP256r1MLKEM768
        0x11EC,  # X25519MLKEM768
        0x11ED,  # SecP384r1MLKEM1024
        0x11EE,  # curveSM2MLKEM768
        0x4138,  # CECPQ2 (Chromium's experiment of 2019)
        0x6399,  # X25519Kyber768Draft00
        0x639A,  # SecP256r1Kyber768Draft00
        0xFE30,  # X25519Kyber512Draft00 (Cloudflare)
        0xFE31,  # X25519Kyber768Draft00 (Cloudflare, before 0x6399)
    }
)
"""Key exchange groups with a post-quantum half, standard or experimental."""


def newest_version(versions: tuple[int, ...]) -> int | None:
    """The newest of the offered versions, GREASE apart; None if there is none.

    DTLS numbers are the one's complement of the version (RFC 9147 section 4): the lowest is the newest.
    """
    offered = [version for version in versions if version not in GREASE]
    if not offered:
        return None
    dtls = [version for version in offered if version >> 8 == 0xFE]
    return min(dtls) if dtls else max(offered)
