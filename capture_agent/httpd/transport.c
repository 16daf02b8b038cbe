/* Carries events from the threads of a child process to the agent's UNIX stream socket.
 *
 * A request's thread only copies its event into memory; a thread of this module gathers what comes within the
 * flush interval, connects and writes. So a reader that is absent, slow or stopped costs a request a copy and
 * nothing else, and one write carries many events. A datagram socket was rejected: the kernel queues ten
 * datagrams by default and then drops, which at 6,000 requests/s lost one event in six.
 *
 * Each event takes the next number of its child, also one that is dropped for lack of room. A reader counts
 * every loss as a gap, wherever it happened, and `source` events say how much of it was dropped here and why. */
#include "reqin_log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_log.h"

APLOG_USE_MODULE(reqin_log);

#define RECONNECT_MS 250
#define WRITE_WAIT_MS 100
/* A child that ends gives its last events this long; Apache waits for it, requests do not. */
#define LAST_FLUSH_MS 300

typedef struct {
    char *bytes;
    apr_size_t len;
} event_buffer;

typedef struct {
    pthread_mutex_t lock; /* guards what stands up to `stopping`; held for a copy, never while waiting */
    pthread_cond_t has_events;
    event_buffer filling;
    apr_uint64_t numbered;
    apr_uint64_t dropped_full;
    apr_uint64_t dropped_long;
    apr_uint64_t dropped_reported;
    int stopping;
    apr_size_t capacity;
    event_buffer sending; /* the sender's own */
    apr_size_t sent;
    int fd;
    apr_int64_t connect_after_ms;
    pthread_t sender;
    int is_running;
    server_rec *server;
    char source_id[64];
    char suffix[128]; /* what stands between an event and its number */
    apr_size_t suffix_len;
} transport;

static transport *current;

static apr_int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* With the lock held. */
static void append_event(transport *t, const char *json, apr_size_t len)
{
    char number[24]; /* 20 digits, brace, line feed */
    char *at = number + sizeof(number);
    apr_uint64_t rest = ++t->numbered;
    apr_size_t number_len;
    char *end;

    if (!json) {
        t->dropped_long++;
        return;
    }
    *--at = '\n';
    *--at = '}';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    number_len = (apr_size_t)(number + sizeof(number) - at);
    if (len + t->suffix_len + number_len > t->capacity - t->filling.len) {
        t->dropped_full++;
        return;
    }
    end = t->filling.bytes + t->filling.len;
    memcpy(end, json, len);
    memcpy(end + len, t->suffix, t->suffix_len);
    memcpy(end + len + t->suffix_len, at, number_len);
    t->filling.len += len + t->suffix_len + number_len;
}

/* With the lock held: the state of this child's books. */
static void append_source(transport *t, const char *state)
{
    char json[512];
    int len;

    t->dropped_reported = t->dropped_full + t->dropped_long;
    len = apr_snprintf(json, sizeof(json),
                       "{\"v\":1,\"ev\":\"source\",\"t_us\":%" APR_TIME_T_FMT ",\"state\":\"%s\",\"pid\":%d,"
                       "\"dropped_full\":%" APR_UINT64_T_FMT ",\"dropped_long\":%" APR_UINT64_T_FMT,
                       apr_time_now(), state, (int)getpid(), t->dropped_full, t->dropped_long);
    append_event(t, json, (apr_size_t)len);
}

void reqin_submit(const char *json, apr_size_t len)
{
    transport *t = current;
    int was_empty;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    was_empty = t->filling.len == 0;
    if (!t->stopping)
        append_event(t, json, len);
    if (was_empty && t->filling.len > 0)
        pthread_cond_signal(&t->has_events);
    pthread_mutex_unlock(&t->lock);
}

static void disconnect(transport *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    t->connect_after_ms = monotonic_ms() + RECONNECT_MS;
    /* The next reader starts with a whole line: the one that was cut, unless it went out whole. */
    while (t->sent > 0 && t->sending.bytes[t->sent - 1] != '\n')
        t->sent--;
}

static int connect_reader(transport *t)
{
    struct sockaddr_un address;

    if (t->fd >= 0)
        return 1;
    if (monotonic_ms() < t->connect_after_ms)
        return 0;
    t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    apr_cpystrn(address.sun_path, reqin_get_settings()->socket_path, sizeof(address.sun_path));
    /* A full backlog fails with EAGAIN, since the socket does not block. */
    if (t->fd >= 0 && connect(t->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return 1;
    disconnect(t);
    return 0;
}

/* Write what the socket takes. Returns the milliseconds after which another try makes sense, 0 when done. */
static int write_some(transport *t)
{
    struct pollfd writable;
    ssize_t written;

    if (t->sent == t->sending.len)
        return 0;
    if (!connect_reader(t))
        return RECONNECT_MS;
    written = send(t->fd, t->sending.bytes + t->sent, t->sending.len - t->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written >= 0) {
        t->sent += (apr_size_t)written;
        return t->sent == t->sending.len ? 0 : 1;
    }
    if (errno == EINTR)
        return 1;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        disconnect(t);
        return RECONNECT_MS;
    }
    writable.fd = t->fd;
    writable.events = POLLOUT;
    poll(&writable, 1, WRITE_WAIT_MS);
    return 1;
}

static void wait_until(transport *t, int milliseconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!t->stopping && pthread_cond_timedwait(&t->has_events, &t->lock, &until) != ETIMEDOUT)
        ;
}

/* With the lock held: exchange the full buffer for the one that was sent. */
static void take_filled(transport *t)
{
    event_buffer filled = t->filling;

    t->filling = t->sending;
    t->filling.len = 0;
    t->sending = filled;
    t->sent = 0;
    if (t->dropped_full + t->dropped_long > t->dropped_reported)
        append_source(t, "dropped");
}

static void send_last(transport *t)
{
    apr_int64_t deadline = monotonic_ms() + LAST_FLUSH_MS;
    int round;

    t->connect_after_ms = 0;
    for (round = 0; round < 2; round++) {
        while (write_some(t) > 0 && t->fd >= 0 && monotonic_ms() < deadline)
            ;
        if (t->sent < t->sending.len)
            return;
        pthread_mutex_lock(&t->lock);
        if (round == 0)
            append_source(t, "end");
        take_filled(t);
        pthread_mutex_unlock(&t->lock);
    }
    while (write_some(t) > 0 && t->fd >= 0 && monotonic_ms() < deadline)
        ;
}

static void *send_events(void *data)
{
    transport *t = data;

    pthread_mutex_lock(&t->lock);
    while (!t->stopping) {
        int retry_ms;

        while (!t->stopping && t->filling.len == 0)
            pthread_cond_wait(&t->has_events, &t->lock);
        wait_until(t, reqin_get_settings()->flush_ms);
        take_filled(t);
        pthread_mutex_unlock(&t->lock);
        while ((retry_ms = write_some(t)) > 0 && !__atomic_load_n(&t->stopping, __ATOMIC_RELAXED)) {
            if (retry_ms > 1) {
                pthread_mutex_lock(&t->lock);
                wait_until(t, retry_ms);
                pthread_mutex_unlock(&t->lock);
            }
        }
        pthread_mutex_lock(&t->lock);
    }
    pthread_mutex_unlock(&t->lock);
    send_last(t);
    return NULL;
}

/* prefork ends its children from a signal handler, which may have interrupted a copy in reqin_submit: so no
 * endless wait for the lock here. The process ends right after; what is left behind goes with it. */
static int lock_within(transport *t, int milliseconds)
{
    for (; milliseconds > 0; milliseconds--) {
        struct timespec pause = {0, 1000000};

        if (pthread_mutex_trylock(&t->lock) == 0)
            return 1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static apr_status_t transport_stop(void *data)
{
    transport *t = data;

    if (!lock_within(t, LAST_FLUSH_MS))
        return APR_SUCCESS;
    __atomic_store_n(&t->stopping, 1, __ATOMIC_RELAXED);
    pthread_cond_signal(&t->has_events);
    pthread_mutex_unlock(&t->lock);
    if (t->is_running)
        pthread_join(t->sender, NULL);
    if (t->sent < t->sending.len || t->filling.len > 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, t->server,
                     "mod_reqin_log: %s ends with events that no reader took, of %" APR_UINT64_T_FMT " in all",
                     t->source_id, t->numbered);
    if (t->fd >= 0)
        close(t->fd);
    /* Nothing is freed: on a hard stop, threads of Apache may still run that use it. The process ends now. */
    return APR_SUCCESS;
}

static int start_sender(transport *t)
{
    sigset_t all, before;
    int refused;

    /* Apache's signals are for its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    refused = pthread_create(&t->sender, NULL, send_events, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return refused;
}

void reqin_transport_start(apr_pool_t *pchild, server_rec *server)
{
    transport *t = calloc(1, sizeof(*t));
    pthread_condattr_t clock;
    int refused;

    if (t) {
        t->capacity = reqin_get_settings()->buffer_bytes;
        t->filling.bytes = malloc(t->capacity);
        t->sending.bytes = malloc(t->capacity);
    }
    if (!t || !t->filling.bytes || !t->sending.bytes) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server, "mod_reqin_log: no memory, this child reports nothing");
        return;
    }
    t->fd = -1;
    t->server = server;
    apr_snprintf(t->source_id, sizeof(t->source_id), "httpd-%d-%" APR_TIME_T_FMT, (int)getpid(),
                 apr_time_now());
    t->suffix_len = (apr_size_t)apr_snprintf(t->suffix, sizeof(t->suffix),
                                             ",\"source_id\":\"%s\",\"source_seq\":", t->source_id);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&t->has_events, &clock);
    pthread_condattr_destroy(&clock);
    append_source(t, "start");
    refused = start_sender(t);
    t->is_running = refused == 0;
    if (refused)
        ap_log_error(APLOG_MARK, APLOG_ERR, refused, server, "mod_reqin_log: no thread, this child reports nothing");
    apr_pool_cleanup_register(pchild, t, transport_stop, apr_pool_cleanup_null);
    current = t;
}
