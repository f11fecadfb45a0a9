"""What the API answers about batches."""

from datetime import datetime

from pydantic import Field

from services.api.views.job import JobErrorView, error_view
from services.api.views.output import Output, moment
from services.api.views.webhook import WebhookView, webhook_view
from services.shared.batch import Batch, BatchEntry, BatchStatus
from services.shared.job import JobStatus
from services.shared.links import result_url
from services.shared.parts import Parts
from services.shared.webhook import Delivery


class BatchCounts(Output):
    """How many of the batch's jobs stand where. One that was deleted counts as it ended, or as canceled."""

    queued: int = Field(examples=[7])
    processing: int = Field(examples=[1])
    succeeded: int = Field(examples=[2])
    failed: int = Field(examples=[0])
    canceled: int = Field(examples=[0])
    expired: int = Field(examples=[0])
    total: int = Field(examples=[10])


class BatchUrls(Output):
    """Paths on this service."""

    self: str = Field(examples=["/batches/019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    results: str = Field(examples=["/batches/019342a5b3c04f6e1a2b3c4d5e6f7a8b/results"])
    cancel: str = Field(examples=["/batches/019342a5b3c04f6e1a2b3c4d5e6f7a8b/cancel"])


class BatchView(Output):
    batch_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: BatchStatus = Field(
        description="`queued` until a job is begun, `processing` until all have ended; then `completed`, or `canceled` "
        "where that was asked for before.",
        examples=["processing"],
    )
    counts: BatchCounts
    cancel_requested: bool
    created_at: datetime
    completed_at: datetime | None = Field(description="When the last of its jobs ended; null until then.")
    webhook: WebhookView | None = Field(description="What became of the batch's webhook; null where it has none.")
    urls: BatchUrls


class BatchList(Output):
    batches: list[BatchView]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class BatchResult(Output):
    custom_id: str | None = Field(description="What you called the item.", examples=["ch-1"])
    job_id: str = Field(examples=["019342a5b3c04f6e1a2b3c4d5e6f7a8b"])
    status: JobStatus | None = Field(description="The job's; null where it was deleted, or its time is over.")
    result_url: str | None = Field(description="Where the audio is, freshly signed; null until it is.")
    model: str | None = Field(
        description="Which model speaks it, as the job tells; null where the job is gone.", examples=["F5TTS_v1_Base"]
    )
    error: JobErrorView | None


class BatchResults(Output):
    results: list[BatchResult] = Field(description="In the order in which the items were given.")
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


def batch_view(batch: Batch, root_path: str, delivery: Delivery | None = None) -> BatchView:
    """`delivery` is the webhook's, where one is stored."""
    path = f"{root_path}/batches/{batch.id}"
    over = batch.is_over and batch.ended_at is not None
    return BatchView(
        batch_id=batch.id,
        status=batch.status,
        counts=BatchCounts.model_validate({**batch.counts, "total": batch.total}),
        cancel_requested=batch.cancel_requested,
        created_at=moment(batch.created_at),
        completed_at=moment(batch.ended_at or batch.created_at) if over else None,
        webhook=webhook_view(batch, delivery),
        urls=BatchUrls(self=path, results=f"{path}/results", cancel=f"{path}/cancel"),
    )


def batch_result(entry: BatchEntry, parts: Parts) -> BatchResult:
    job = entry.job
    return BatchResult(
        custom_id=entry.custom_id,
        job_id=entry.job_id,
        status=None if job is None else job.status,
        result_url=None if job is None else result_url(job, parts),
        model=None if job is None else parts.settings.speaks(job.model),
        error=None if job is None else error_view(job),
    )
