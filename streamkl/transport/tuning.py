"""Sizes and times that are the same whatever client library is used; those that only one of them has stand beside it."""

# Reading.
MAX_POLL_RECORDS = 10_000
MAX_PARTITION_FETCH_BYTES = 4 * 2**20
FETCH_MAX_BYTES = 32 * 2**20  # of one answer: bounds the memory that records wait in
FETCH_MAX_WAIT_MS = 100  # an idle partition's record is seen at once anyway; this only bounds an empty answer
STATE_FETCH_BYTES = 8 * 2**20

# The group.
METADATA_MAX_AGE_MS = 15_000  # until new topics and partitions are noticed
ASK_AGAIN_SECONDS = 0.5  # while a topic is unknown
MISSING_TOPIC_SECONDS = 60.0  # a topic unknown for so long is gone; shorter gaps come with a broker's restart
MAX_POLL_INTERVAL_MS = 300_000  # a loop that does not poll for so long is given up and its partitions move on
HEARTBEAT_MS = 3_000  # or a third of a shorter session
QUERY_TIMEOUT_MS = 30_000  # for committed offsets and bounds
COMMIT_TIMEOUT_MS = 30_000
CONFIRM_TIMEOUT_MS = 10_000

# Writing.
LINGER_MS = 5
BATCH_BYTES = 256 * 2**10
MAX_RECORD_BYTES = 64 * 2**20  # the topic decides what is too large, not we
METADATA_TIMEOUT_MS = 10_000  # to learn about a topic, or to begin with a transactional id
ASK_SECONDS = 2.0  # whether a topic is still there, once records for it were not taken
UNSENT_BYTES = 8 * 2**20  # so much is sent and awaited before more is handed over to the client
REQUEST_TIMEOUT_MS = 10_000
DELIVERY_TIMEOUT_MS = 30_000  # until a record that the broker does not acknowledge has failed; longer than a broker's restart
TRANSACTIONAL_DELIVERY_TIMEOUT_MS = 15_000  # the same within a transaction
TRANSACTION_TIMEOUT_MS = 20_000  # after which the broker aborts what we left open: so long readers wait for a process that never returns
STEP_TIMEOUT_MS = 20_000  # for offsets and for the end of a transaction
ABORT_TIMEOUT_MS = 2_000  # a farewell, so that readers need not wait; the next start aborts it anyway
SLOW_COMMIT_SECONDS = 1.0  # after an ending that took so long, or was sent twice, nothing more is begun under the same epoch

# Connecting.
PROBE_TIMEOUT_SECONDS = 5.0  # TCP connect and TLS handshake with one bootstrap server
RECONNECT_BACKOFF_MS = 100  # doubles with each failure up to
RECONNECT_BACKOFF_MAX_MS = 500  # the libraries' 10 or 30 s would add as much to every broker restart
