"""The API: takes questions over HTTP and leaves the answering to the workers.

::

    uvicorn app:app --app-dir examples/service --port 8000
"""

from __future__ import annotations

from broker import queue
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI(title="Question service")


class Question(BaseModel):
    """What a client asks; questions of one conversation are answered with its history."""

    question: str
    conversation: str | None = None
    stream: bool = False


class TaskState(BaseModel):
    """How far a task has come: PENDING, STARTED, SUCCESS, FAILURE or REVOKED."""

    id: str
    state: str
    answer: str | None = None


@app.post("/tasks", status_code=202)
def create(question: Question) -> TaskState:
    """Put a question on the queue."""
    task = queue.send_task("answer", kwargs=question.model_dump())
    return TaskState(id=task.id, state=task.state)


@app.get("/tasks/{task_id}")
def read(task_id: str) -> TaskState:
    """Tell how far a task has come."""
    task = queue.AsyncResult(task_id)
    state = task.state
    return TaskState(id=task_id, state=state, answer=task.result if state == "SUCCESS" else None)


@app.post("/tasks/{task_id}/cancel", status_code=202)
def cancel(task_id: str) -> TaskState:
    """Stop a task, whether it waits or runs."""
    queue.control.revoke(task_id, terminate=True)
    return TaskState(id=task_id, state=queue.AsyncResult(task_id).state)
