/* The frames that open an HTTP/2 connection (RFC 9113 section 3.4): after the preface SETTINGS, WINDOW_UPDATE,
 * PRIORITY, up to the end of the first header block. Kept as frames, the block's values blanked, so that the
 * agent can compute the fingerprint and the order of the names.
 *
 * The connection's thread writes; streams are finished by other threads. So the result is published once, by
 * an atomic pointer, and never changes after. */
#include "reqin_log.h"

#include <string.h>

#include "apr_base64.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_LEN (sizeof(PREFACE) - 1)
#define FRAME_HEADER_LEN 9
/* Empty CONTINUATION frames would otherwise go on without end, each with its own piece of memory. */
#define MAX_FRAMES 256

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_PRIORITY = 2,
    FRAME_SETTINGS = 4,
    FRAME_WINDOW_UPDATE = 8,
    FRAME_CONTINUATION = 9
};

#define FLAG_ACK 0x1
#define FLAG_END_HEADERS 0x4
#define FLAG_PADDED 0x8
#define FLAG_PRIORITY 0x20

struct reqin_http2 {
    apr_pool_t *connection_pool;
    apr_pool_t *scratch; /* gone once nothing more is to be read: connections are many and live long */
    apr_size_t preface_seen;
    unsigned char header[FRAME_HEADER_LEN];
    apr_size_t header_len;
    apr_size_t payload_len; /* of the frame whose header is complete */
    unsigned char *frame;   /* payload as it arrives; NULL for a frame that is passed over */
    apr_size_t frame_len;
    apr_size_t frame_missing;
    unsigned char *kept; /* what will be handed over */
    apr_size_t kept_len;
    unsigned char *block; /* header block, fragments joined */
    apr_size_t block_len;
    unsigned char headers_prefix[5]; /* priority fields of HEADERS */
    apr_size_t headers_prefix_len;
    unsigned char headers_stream[4];
    unsigned char headers_flags;
    int frames;
    int finished; /* nothing more to read: complete, broken or over a bound */
    const char **published;
};

static int keep(reqin_http2 *http2, const unsigned char *bytes, apr_size_t len)
{
    if (len > REQIN_MAX_HTTP2_START - http2->kept_len) {
        http2->finished = 1;
        return 0;
    }
    if (len > 0)
        memcpy(http2->kept + http2->kept_len, bytes, len);
    http2->kept_len += len;
    return 1;
}

static void put_frame_header(unsigned char *header, apr_size_t len, unsigned char type, unsigned char flags,
                             const unsigned char *stream)
{
    header[0] = (unsigned char)(len >> 16);
    header[1] = (unsigned char)(len >> 8);
    header[2] = (unsigned char)len;
    header[3] = type;
    header[4] = flags;
    memcpy(header + 5, stream, 4);
}

/* The block is whole: write it as one HEADERS frame without padding, and publish. */
static void publish(reqin_http2 *http2)
{
    unsigned char header[FRAME_HEADER_LEN];
    unsigned char *blanked = apr_palloc(http2->scratch, http2->block_len + 1);
    apr_ssize_t blanked_len = reqin_hpack_blank(http2->block, http2->block_len, blanked);
    char *text;

    http2->finished = 1;
    if (blanked_len < 0)
        return;
    put_frame_header(header, http2->headers_prefix_len + (apr_size_t)blanked_len, FRAME_HEADERS,
                     (unsigned char)((http2->headers_flags & ~FLAG_PADDED) | FLAG_END_HEADERS),
                     http2->headers_stream);
    if (!keep(http2, header, sizeof(header))
        || !keep(http2, http2->headers_prefix, http2->headers_prefix_len)
        || !keep(http2, blanked, (apr_size_t)blanked_len))
        return;
    text = apr_palloc(http2->connection_pool, (apr_size_t)apr_base64_encode_len((int)http2->kept_len));
    apr_base64_encode_binary(text, http2->kept, (int)http2->kept_len);
    __atomic_store_n(http2->published, text, __ATOMIC_RELEASE);
}

static void add_to_block(reqin_http2 *http2, const unsigned char *bytes, apr_size_t len, int is_last)
{
    if (len > REQIN_MAX_HTTP2_BLOCK - http2->block_len) {
        http2->finished = 1;
        return;
    }
    if (!http2->block)
        http2->block = apr_palloc(http2->scratch, is_last ? len + 1 : REQIN_MAX_HTTP2_BLOCK);
    if (len > 0)
        memcpy(http2->block + http2->block_len, bytes, len);
    http2->block_len += len;
    if (is_last)
        publish(http2);
}

/* Section 6.2: padding length, priority fields, block fragment, padding. */
static void take_headers(reqin_http2 *http2)
{
    const unsigned char *at = http2->frame;
    apr_size_t len = http2->frame_len, padding = 0;
    unsigned char flags = http2->header[4];

    if (flags & FLAG_PADDED) {
        if (len < 1) {
            http2->finished = 1;
            return;
        }
        padding = *at++;
        len--;
    }
    http2->headers_prefix_len = flags & FLAG_PRIORITY ? 5 : 0;
    if (len < http2->headers_prefix_len + padding) {
        http2->finished = 1;
        return;
    }
    memcpy(http2->headers_prefix, at, http2->headers_prefix_len);
    memcpy(http2->headers_stream, http2->header + 5, 4);
    http2->headers_flags = flags;
    add_to_block(http2, at + http2->headers_prefix_len, len - http2->headers_prefix_len - padding,
                 flags & FLAG_END_HEADERS);
}

/* An acknowledgement of the server's SETTINGS comes when the network brings it: no trait of the client. */
static int is_kept(const unsigned char *header)
{
    return (header[3] == FRAME_SETTINGS && !(header[4] & FLAG_ACK)) || header[3] == FRAME_WINDOW_UPDATE
           || header[3] == FRAME_PRIORITY;
}

static void take_frame(reqin_http2 *http2)
{
    unsigned char type = http2->header[3];

    http2->header_len = 0;
    if (++http2->frames > MAX_FRAMES)
        http2->finished = 1;
    else if (!http2->frame)
        return;
    else if (type == FRAME_HEADERS)
        take_headers(http2);
    else if (type == FRAME_CONTINUATION)
        add_to_block(http2, http2->frame, http2->frame_len, http2->header[4] & FLAG_END_HEADERS);
    else if (keep(http2, http2->header, FRAME_HEADER_LEN))
        keep(http2, http2->frame, http2->frame_len);
}

static void open_frame(reqin_http2 *http2)
{
    const unsigned char *header = http2->header;
    unsigned char type = header[3];
    apr_size_t bound = is_kept(header) ? REQIN_MAX_HTTP2_START : REQIN_MAX_HTTP2_BLOCK;
    int is_block = type == FRAME_HEADERS || (type == FRAME_CONTINUATION && http2->block);

    http2->payload_len = (apr_size_t)header[0] << 16 | (apr_size_t)header[1] << 8 | header[2];
    http2->frame_missing = http2->payload_len;
    http2->frame_len = 0;
    http2->frame = NULL;
    if (type == FRAME_DATA || (http2->block && type != FRAME_CONTINUATION))
        http2->finished = 1; /* not allowed before, or inside, the first header block */
    else if (is_block || is_kept(header)) {
        if (http2->payload_len > bound)
            http2->finished = 1;
        else
            http2->frame = apr_palloc(http2->scratch, http2->payload_len + 1);
    }
}

static int take_preface(reqin_http2 *http2, const char *bytes, apr_size_t *len)
{
    apr_size_t missing = PREFACE_LEN - http2->preface_seen;
    apr_size_t piece = *len < missing ? *len : missing;

    if (memcmp(PREFACE + http2->preface_seen, bytes, piece) != 0) {
        http2->finished = 1;
        return 0;
    }
    http2->preface_seen += piece;
    *len = piece;
    return 1;
}

reqin_http2 *reqin_http2_create(apr_pool_t *connection_pool, const char **published)
{
    reqin_http2 *http2 = apr_pcalloc(connection_pool, sizeof(*http2));

    http2->connection_pool = connection_pool;
    http2->published = published;
    apr_pool_create(&http2->scratch, connection_pool);
    http2->kept = apr_palloc(http2->scratch, REQIN_MAX_HTTP2_START);
    return http2;
}

static void feed(reqin_http2 *http2, const char *bytes, apr_size_t len)
{
    apr_size_t piece;

    while (len > 0 && !http2->finished) {
        if (http2->preface_seen < PREFACE_LEN) {
            piece = len;
            if (!take_preface(http2, bytes, &piece))
                return;
        }
        else if (http2->header_len < FRAME_HEADER_LEN) {
            piece = FRAME_HEADER_LEN - http2->header_len;
            if (piece > len)
                piece = len;
            memcpy(http2->header + http2->header_len, bytes, piece);
            http2->header_len += piece;
            if (http2->header_len == FRAME_HEADER_LEN)
                open_frame(http2);
        }
        else {
            piece = http2->frame_missing < len ? http2->frame_missing : len;
            if (http2->frame)
                memcpy(http2->frame + http2->frame_len, bytes, piece);
            http2->frame_len += piece;
            http2->frame_missing -= piece;
        }
        bytes += piece;
        len -= piece;
        if (http2->header_len == FRAME_HEADER_LEN && http2->frame_missing == 0 && !http2->finished)
            take_frame(http2);
    }
}

int reqin_http2_feed(reqin_http2 *http2, const char *bytes, apr_size_t len)
{
    feed(http2, bytes, len);
    if (http2->finished && http2->scratch) {
        apr_pool_destroy(http2->scratch);
        http2->scratch = NULL;
    }
    return http2->preface_seen == PREFACE_LEN;
}
