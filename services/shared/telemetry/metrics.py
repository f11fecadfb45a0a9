"""Every metric there is. `docs/metrics.md` is made of this list, and dashboards and rules are held to it."""

from typing import Final

from services.shared.telemetry.metric import Metric

_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_JOB_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
_STAGE_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_FACTORS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)

# --- requests ---------------------------------------------------------------------------------------

REQUESTS: Final = Metric(
    "tts_requests_total",
    "counter",
    "HTTP requests and WebSockets that were answered. `route` is the path with its parameters unfilled; the status of "
    "a WebSocket is its close code, and 499 a client that left before its answer.",
    ("method", "route", "status"),
    shown_by=("api",),
)
REQUEST_SECONDS: Final = Metric(
    "tts_request_duration_seconds",
    "histogram",
    "Seconds from a request's arrival to the end of its answer. Requests that wait for audio, streams and WebSockets "
    "last as long as what they wait for.",
    ("method", "route"),
    _REQUEST_SECONDS,
    shown_by=("api",),
)

# --- jobs -------------------------------------------------------------------------------------------

JOBS_ENDED: Final = Metric(
    "tts_jobs_ended_total",
    "counter",
    "Jobs that ended, counted by the process that ended them. `fault` is the error's type; `none` unless the job "
    "failed. `model` is what requests call the one that was to speak it.",
    ("status", "fault", "model"),
)
JOB_RETRIES: Final = Metric(
    "tts_job_retries_total",
    "counter",
    "Attempts that gave their job back to be tried again: after a `setback` (a fault, a lost lease), or `unharmed` by "
    "a worker that stopped.",
    ("reason",),
    shown_by=("worker", "control"),
)
LEASES_LOST: Final = Metric(
    "tts_leases_lost_total",
    "counter",
    "Leases that ran out: their workers were killed, hang, or could not reach the job store.",
    shown_by=("worker", "control"),
)
JOB_SECONDS: Final = Metric(
    "tts_job_duration_seconds",
    "histogram",
    "Seconds from submission to success.",
    ("priority", "model"),
    buckets=_JOB_SECONDS,
    shown_by=("worker",),
)
QUEUE_SECONDS: Final = Metric(
    "tts_job_queue_seconds",
    "histogram",
    "Seconds that jobs which succeeded had waited before their last attempt.",
    ("priority", "model"),
    buckets=_JOB_SECONDS,
    shown_by=("worker",),
)
STAGE_SECONDS: Final = Metric(
    "tts_job_stage_seconds",
    "histogram",
    "Seconds of each stage of jobs that succeeded; those that begin with `engine_` are part of `synthesis`.",
    ("stage",),
    _STAGE_SECONDS,
    shown_by=("worker",),
)
FIRST_AUDIO_SECONDS: Final = Metric(
    "tts_time_to_first_audio_seconds",
    "histogram",
    "Seconds from submission to the first speech that can be heard: the first piece where `streamed`, else all of it.",
    ("streamed",),
    _JOB_SECONDS,
    shown_by=("worker",),
)
REAL_TIME_FACTOR: Final = Metric(
    "tts_real_time_factor",
    "histogram",
    "Seconds of synthesis for a second of speech, as each job saw it; jobs share the device.",
    ("model",),
    buckets=_FACTORS,
    shown_by=("worker",),
)
AUDIO_SECONDS: Final = Metric(
    "tts_audio_seconds_total",
    "counter",
    "Seconds of speech that was made; copies of what was spoken before are not counted. `voice` is a stored voice's "
    "id, or `none`; `language` is the job's, without a region, or the model's only one, or `unknown`.",
    ("tenant", "voice", "language"),
    shown_by=("worker",),
)
RESULT_CACHE: Final = Metric(
    "tts_result_cache_lookups_total",
    "counter",
    "Jobs that succeeded and might have had the speech of an identical one: `hit` had it, `miss` were spoken.",
    ("outcome",),
    shown_by=("api", "worker"),
)

# --- the worker -------------------------------------------------------------------------------------

RUNNING_JOBS: Final = Metric(
    "tts_running_jobs", "gauge", "Attempts that this worker has under way.", shown_by=("worker",)
)
WORKER_SLOTS: Final = Metric(
    "tts_worker_slots", "gauge", "Jobs that this worker takes at once.", shown_by=("worker",), read=True
)
WORKER_INFO: Final = Metric(
    "tts_worker_info",
    "gauge",
    "1, and what this worker runs. `model` is what requests call it.",
    ("engine", "model", "device", "precision"),
    shown_by=("worker",),
    read=True,
)
NFE_STEPS: Final = Metric(
    "tts_nfe_steps_total",
    "counter",
    "Solver steps of all takes. Their rate is steps a second; over that of the forwards, the mean batch occupancy.",
    shown_by=("worker",),
    read=True,
)
FORWARDS: Final = Metric(
    "tts_batch_forwards_total",
    "counter",
    "Forwards of the network, each one step of every take in the batch.",
    shown_by=("worker",),
    read=True,
)
REFERENCE_CACHE: Final = Metric(
    "tts_reference_cache_lookups_total",
    "counter",
    "References that the engine had prepared before (`hit`) or had to prepare (`miss`).",
    ("outcome",),
    shown_by=("worker",),
    read=True,
)
OUT_OF_MEMORY: Final = Metric(
    "tts_out_of_memory_total",
    "counter",
    "Forwards that the device had too little memory for; the engine goes on with less at once.",
    shown_by=("worker",),
    read=True,
)
GPU_USE: Final = Metric(
    "tts_gpu_utilization_ratio",
    "gauge",
    "Share of the time that the GPU was busy, 0 to 1, as the driver last sampled it.",
    ("gpu",),
    shown_by=("worker",),
    read=True,
)
GPU_MEMORY_USED: Final = Metric(
    "tts_gpu_memory_used_bytes",
    "gauge",
    "Memory in use on the GPU, by all its processes.",
    ("gpu",),
    shown_by=("worker",),
    read=True,
)
GPU_MEMORY: Final = Metric(
    "tts_gpu_memory_total_bytes", "gauge", "Memory that the GPU has.", ("gpu",), shown_by=("worker",), read=True
)
MODEL_DISK_FREE: Final = Metric(
    "tts_model_disk_free_bytes", "gauge", "Free space on the disk that models lie on.", shown_by=("worker",), read=True
)
MODEL_DISK: Final = Metric(
    "tts_model_disk_size_bytes", "gauge", "Size of the disk that models lie on.", shown_by=("worker",), read=True
)

# --- the queue, as control sees it ------------------------------------------------------------------

QUEUE_DEPTH: Final = Metric(
    "tts_queue_depth",
    "gauge",
    "Messages in the broker that no worker has taken yet. `model` is empty of jobs for whichever model there is.",
    ("priority", "model"),
    shown_by=("control",),
    read=True,
)
JOBS: Final = Metric(
    "tts_jobs", "gauge", "Jobs that have not ended, of all tenants.", ("status",), shown_by=("control",), read=True
)
OLDEST_QUEUED: Final = Metric(
    "tts_queue_oldest_age_seconds",
    "gauge",
    "Seconds since the job that has waited longest was submitted; 0 where none waits.",
    shown_by=("control",),
    read=True,
)
QUEUED_AUDIO: Final = Metric(
    "tts_queue_audio_seconds",
    "gauge",
    "Seconds of speech that the jobs which wait will make, estimated from their texts. `model` is empty of jobs for "
    "whichever model there is.",
    ("priority", "model"),
    shown_by=("control",),
    read=True,
)
READY_WORKERS: Final = Metric(
    "tts_ready_workers",
    "gauge",
    "Workers that take jobs, by what requests call their model.",
    ("model",),
    shown_by=("control",),
    read=True,
)
READY_SLOTS: Final = Metric(
    "tts_ready_slots",
    "gauge",
    "Jobs that the ready workers of a model together take at once.",
    ("model",),
    shown_by=("control",),
    read=True,
)
SWEPT: Final = Metric(
    "tts_swept_jobs_total",
    "counter",
    "Jobs that the sweeper looked after: `recovered` from a lost lease, `enqueued` or `resent` for want of a message, "
    "`canceled`, `failed`, `expired`.",
    ("deed",),
    shown_by=("control",),
)

# --- what we call -----------------------------------------------------------------------------------

STORAGE_ERRORS: Final = Metric(
    "tts_storage_errors_total",
    "counter",
    "Calls that the job store, the object store or the queue did not answer; each retry counts. `part` is what was "
    "asked for, `error` says which server did not answer.",
    ("part", "error"),
)
WEBHOOK_TRIES: Final = Metric(
    "tts_webhook_tries_total",
    "counter",
    "Tries to tell a receiver, by what came of them: the class of the status (`2xx`) or an error's type.",
    ("outcome",),
    shown_by=("control",),
)
WEBHOOK_SECONDS: Final = Metric(
    "tts_webhook_duration_seconds",
    "histogram",
    "Seconds that receivers took to answer.",
    buckets=_REQUEST_SECONDS,
    shown_by=("control",),
)
WEBHOOKS_ENDED: Final = Metric(
    "tts_webhooks_ended_total",
    "counter",
    "Webhooks that were `delivered`, and those given up (`failed`).",
    ("state",),
    shown_by=("control",),
)

METRICS: Final = tuple(value for value in vars().copy().values() if isinstance(value, Metric))
