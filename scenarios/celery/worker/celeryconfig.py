"""Settings of the application: those that a rollback stands on, each with its reason."""

import os

from kombu import Exchange, Queue

broker_url = os.environ["AMQP_URL"]
broker_connection_retry_on_startup = True
broker_heartbeat = 10  # seconds; a dead link is noticed after two of them
broker_transport_options = {"confirm_publish": True}

# Celery's own default type is classic; a worker that declares another type than the queue has is refused by the broker (406) and consumes
# nothing. With a quorum queue Celery sets its prefetch per consumer, as these queues want it.
task_default_queue = "payments"
task_queues = [Queue("payments", Exchange("payments", type="direct"), routing_key="payments", queue_arguments={"x-queue-type": "quorum"})]

# Celery acknowledges a task before it runs it, unless it is told to do so after. What a killed worker had begun is lost then.
task_acks_late = os.environ.get("ACKS_LATE", "on") == "on"
task_reject_on_worker_lost = True  # the same when only the process of the pool dies
worker_prefetch_multiplier = 1  # no more tasks ahead than processes: a stopping worker gives few back
worker_cancel_long_running_tasks_on_connection_loss = True  # the broker gives them to another worker at that moment

# Each task's state, in the database.
result_backend = os.environ["DATABASE_URL"].replace("postgresql://", "db+postgresql+psycopg://")
result_extended = True
task_track_started = True
