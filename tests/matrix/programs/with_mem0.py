"""mem0 on OpenAI's client: what was said is remembered, and looked for."""

from __future__ import annotations

import logging
import tempfile

from mem0 import Memory
from openai import OpenAI
from story import MODEL, tell_all


def ask(question: str, conversation: str, *, stream: bool) -> None:
    """Remember a question, and look for one like it."""
    user = conversation.replace(" ", "-")  # which mem0 refuses
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory.from_config(
            {
                "llm": {"provider": "openai", "config": {"model": MODEL}},
                "embedder": {"provider": "openai", "config": {"model": "text-embedding-3-small", "embedding_dims": 8}},
                "vector_store": {"provider": "qdrant", "config": {"path": folder, "embedding_model_dims": 8}},
                "history_db_path": f"{folder}/history.db",
            }
        )
        for each in (memory.llm, memory.embedding_model):
            each.client = OpenAI(max_retries=0)
        memory.add(question, user_id=user)
        memory.search(question, filters={"user_id": user})


logging.disable()  # it writes down what a model's failure was
tell_all(ask)
