"""What holds for every module: it takes back all that it changed, and is harmless where its framework is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.program import needs, run_plainly
from tests.matrix.environments import made

if TYPE_CHECKING:
    from pathlib import Path


def methods(owner: str, *names: str) -> list[str]:
    """Expressions for attributes of a class, as they are in its dictionary: ``module:Class``."""
    module, _, kind = owner.partition(":")
    return [f"{module}:vars({kind})[{name!r}]" for name in names]


# Module -> the distribution that it is for, and expressions for what it changes there.
CHANGED = {
    "a2a": (
        "a2a-sdk",
        [
            *methods("a2a.server.request_handlers.default_request_handler_v2:DefaultRequestHandlerV2", "__init__"),
            *methods("a2a.server.tasks.task_manager:TaskManager", "_save_task"),
            *methods("a2a.client.base_client:BaseClient", "__init__"),
        ],
    ),
    "apscheduler": (
        "apscheduler",
        [
            *methods("apscheduler.job:Job", "__init__", "__getstate__", "__setstate__"),
            *methods("apscheduler.schedulers.base:BaseScheduler", "add_job", "remove_job"),
            *methods("apscheduler.executors.base:BaseExecutor", "submit_job", "_run_job_success", "_run_job_error"),
        ],
    ),
    "argparse": ("pytest", [*methods("argparse:ArgumentParser", "parse_known_args"), "sys:exit"]),
    "arq": (
        "arq",
        [
            *methods("arq.connections:ArqRedis", "enqueue_job"),
            *methods("arq.worker:Worker", "run_job", "handle_sig", "close"),
            "arq.connections:serialize_job",
            "arq.worker:deserialize_job_raw",
            "arq.worker:serialize_result",
            "arq.worker:vars(Worker).get('jobs_failed')",
            "arq.worker:vars(Worker).get('on_job_start')",
        ],
    ),
    "asgi": ("starlette", methods("starlette.routing:Router", "lifespan")),
    "aws_lambda": (
        "awslambdaric",
        [
            "awslambdaric.bootstrap:handle_event_request",
            *methods("awslambdaric.lambda_runtime_client:BaseLambdaRuntimeClient", "post_invocation_error"),
            *methods("awslambdaric.lambda_runtime_marshaller:LambdaMarshaller", "unmarshal_request"),
            *methods("aws_lambda_powertools.utilities.batch.base:BatchProcessor", "_process_record"),
            *methods("aws_lambda_powertools.utilities.batch.base:AsyncBatchProcessor", "_async_process_record"),
        ],
    ),
    "celery": (
        "celery",
        [
            f"celery.signals:{name}.receivers"
            for name in ("before_task_publish", "task_prerun", "task_postrun", "task_revoked", "worker_shutdown")
        ],
    ),
    "click": (
        "click",
        [*methods("click.core:Command", "invoke", "make_context"), *methods("click.core:Group", "invoke")],
    ),
    "cyclopts": (
        "cyclopts",
        [
            *methods("cyclopts.core:App", "__call__", "run_async"),
            "cyclopts.core:_run_maybe_async_command",
        ],
    ),
    "dbos": (
        "dbos",
        [
            *methods(
                "dbos._sys_db:SystemDatabase",
                "init_workflow",
                "init_child_workflow",
                "init_workflow_with_connection",
                "list_workflows",
                "cancel_workflows",
                "cancel_timed_out_workflows",
                "update_workflow_outcome",
                "dead_letter_workflows",
            ),
            *methods("dbos._outcome:Pending", "wrap", "then"),
            "dbos._core:_get_wf_invoke_func",
            "dbos._core:_check_required_roles_or_finalize_error",
            "dbos._context:generate_uuid",
            "dbos._enqueue_options:generate_uuid",
            "dbos._queue:execute_dequeued_workflow",
        ],
    ),
    "dramatiq": (
        "dramatiq",
        [*methods("dramatiq.broker:Broker", "emit_before", "emit_after"), "dramatiq.cli:main"],
    ),
    "faststream": (
        "faststream",
        [
            *methods(
                "faststream._internal.broker.pub_base:BrokerPublishMixin",
                "_basic_publish",
                "_basic_request",
                "_basic_publish_batch",
            ),
            *methods(
                "faststream._internal.endpoint.publisher.usecase:PublisherUsecase",
                "_basic_publish",
                "_basic_request",
                "_basic_publish_batch",
            ),
            *methods("faststream._internal.endpoint.subscriber.usecase:SubscriberUsecase", "process_message"),
            *methods("faststream._internal.endpoint.subscriber.call_item:HandlerItem", "call"),
            *methods("faststream.app:FastStream", "run"),
            "faststream.app:vars(FastStream).get('_startup')",
        ],
    ),
    "flask": (
        "flask",
        [
            *methods("werkzeug.serving:BaseWSGIServer", "serve_forever"),
            *methods("werkzeug._reloader:ReloaderLoop", "restart_with_reloader"),
        ],
    ),
    "gunicorn": ("gunicorn", methods("gunicorn.arbiter:Arbiter", "start", "halt", "handle_term")),
    "harness": (
        "pytest",
        [
            *methods("subprocess:Popen", "__init__", "poll", "wait", "send_signal"),
            *methods("asyncio.subprocess:Process", "wait", "send_signal", "terminate", "kill"),
            "asyncio:create_subprocess_exec",
            "asyncio.subprocess:create_subprocess_exec",
        ],
    ),
    "huey": (
        "huey",
        [
            *methods("huey.api:Huey", "enqueue", "serialize_task", "deserialize_task", "execute", "_emit"),
            *methods("huey.serializer:Serializer", "_serialize", "_deserialize"),
            *methods("huey.consumer:Consumer", "run", "start", "loop"),
        ],
    ),
    "langgraph": ("langchain-core", ["langchain_core.tracers.context:_configure_hooks"]),
    "mcp": (
        "mcp",
        [
            *methods("mcp.server.lowlevel.server:Server", "__init__"),
            *methods("mcp.client.session:ClientSession", "call_tool"),
        ],
    ),
    "openai_agents": (
        "openai-agents",
        [
            *methods("agents.run:AgentRunner", "run", "run_streamed"),
            *methods("agents.tracing.provider:DefaultTraceProvider", "__init__", "set_processors"),
            "agents.tracing:get_trace_provider()._multi_processor._processors",
        ],
    ),
    "processes": (
        "pytest",
        [
            *methods("multiprocessing.process:BaseProcess", "start", "_bootstrap"),
            *methods("multiprocessing.pool:Pool", "apply_async", "_map_async", "imap", "imap_unordered"),
            *methods("concurrent.futures.process:ProcessPoolExecutor", "submit"),
            *methods("concurrent.futures._base:Future", "add_done_callback"),
        ],
    ),
    "procrastinate": (
        "procrastinate",
        [
            *methods(
                "procrastinate.manager:JobManager",
                "_defer_jobs_query_kwargs",
                "batch_defer_jobs",
                "cancel_job_by_id",
                "fetch_job",
            ),
            *methods("procrastinate.worker:Worker", "_process_job", "_log_job_outcome", "run"),
        ],
    ),
    "rq": (
        "rq",
        [
            *methods("rq.queue:Queue", "enqueue_job", "schedule_job", "enqueue_many", "create_job"),
            *methods("rq.job:Job", "perform", "retry", "cancel", "delete"),
            *methods("rq.repeat:Repeat", "schedule"),
            *methods("rq.registry:StartedJobRegistry", "cleanup"),
            *methods("rq.worker:BaseWorker", "perform_job", "handle_job_failure", "bootstrap", "teardown"),
        ],
    ),
    "taskiq": (
        "taskiq",
        [
            *methods("taskiq.kicker:AsyncKicker", "kiq", "_prepare_message"),
            *methods("taskiq.context:Context", "requeue"),
            *methods("taskiq.receiver.receiver:Receiver", "callback", "run_task", "listen"),
            *methods("taskiq.cli.worker.process_manager:ProcessManager", "prepare_workers", "start"),
            "taskiq.cli.worker.process_manager:get_signal_handler",
            "taskiq.cli.worker.run:shutdown_broker",
        ],
    ),
    "temporalio": (
        "temporalio",
        [
            *methods("temporalio.client:Client", "__init__"),
            *methods("temporalio.worker:Worker", "__init__", "run"),
            *methods(
                "temporalio.bridge.worker:Worker",
                "validate",
                "poll_workflow_activation",
                "complete_workflow_activation",
            ),
        ],
    ),
    "typer": (
        "typer",
        [*methods("typer._click.core:Command", "invoke", "make_context"), *methods("typer.core:TyperGroup", "invoke")],
    ),
    "uvicorn": (
        "uvicorn",
        [
            *methods("uvicorn.server:Server", "startup", "shutdown"),
            *methods("uvicorn.supervisors.multiprocess:Multiprocess", "run", "handle_term"),
            *methods("uvicorn.supervisors.basereload:BaseReload", "run", "signal_handler"),
        ],
    ),
}

# The same of those whose framework is in an environment of its own, which is named as the framework is.
CHANGED_ELSEWHERE = {
    "agent_framework": (
        "agent-framework",
        [
            *methods("agent_framework._agents:BaseAgent", "_get_otel_conversation_id"),
            "agent_framework.observability:capture_exception",
        ],
    ),
    "autogen": (
        "autogen",
        [
            *methods("autogen_agentchat.teams._group_chat._base_group_chat:BaseGroupChat", "run_stream"),
            *methods(
                "autogen_core._single_threaded_agent_runtime:SingleThreadedAgentRuntime", "_create_otel_attributes"
            ),
        ],
    ),
    "beeai": ("litellm", methods("beeai_framework.context:RunContext", "enter")),
    "browser_use": (
        "browser-use",
        [
            *methods("browser_use.agent.service:Agent", "run", "_handle_step_error"),
            *methods("browser_use.tools.registry.service:Registry", "execute_action"),
        ],
    ),
    "google_adk": (
        "google-adk",
        methods("google.adk.telemetry.context:TelemetryConfig", "should_add_content_to_legacy_spans"),
    ),
    "google_genai": (
        "google-genai",
        [
            "google.genai._extra_utils:invoke_function_from_dict_args",
            "google.genai._extra_utils:invoke_function_from_dict_args_async",
            *methods("openinference.instrumentation.google_genai:GoogleGenAIInstrumentor", "_instrument"),
        ],
    ),
    "ag2": ("agents", methods("ag2.agent:Agent", "__init__")),
    "dspy": (
        "agents",
        [
            *methods("dspy.primitives.module:Module", "__call__", "acall"),
            *methods("dspy.adapters.types.tool:Tool", "__call__", "acall"),
            "dspy.clients.execution:_attempt",
            "dspy.clients.execution:_aattempt",
        ],
    ),
    "groq": (
        "providers",
        [
            *methods("groq.resources.chat.completions:Completions", "create"),
            *methods("groq.resources.chat.completions:AsyncCompletions", "create"),
        ],
    ),
    "haystack": ("haystack", methods("haystack.tracing.tracer:ProxyTracer", "trace")),
    "huggingface_hub": (
        "providers",
        [
            *methods("huggingface_hub.inference._client:InferenceClient", "chat_completion"),
            *methods("huggingface_hub.inference._generated._async_client:AsyncInferenceClient", "chat_completion"),
        ],
    ),
    "litellm": (
        "litellm",
        [
            "openinference.instrumentation.litellm:_finalize_sync_streaming_span",
            "openinference.instrumentation.litellm:_finalize_streaming_span",
            *methods("openinference.instrumentation.litellm:LiteLLMInstrumentor", "_instrument"),
        ],
    ),
    "livekit": (
        "agents",
        [
            "livekit.agents.telemetry.traces:tracer._tracer",
            *methods("livekit.agents.telemetry.traces:_DynamicTracer", "set_provider"),
        ],
    ),
    "openinference": (
        "providers",
        [
            *methods("openinference.instrumentation.mistralai._chat_wrapper:_WithTracer", "_start_as_current_span"),
            *methods("openinference.instrumentation.together._wrappers:_WithTracer", "_start_as_current_span"),
        ],
    ),
    "pydantic_ai": (
        "pydantic-ai",
        ["pydantic_ai:Agent._instrument_default", "pydantic_ai:Embedder._instrument_default"],
    ),
    "semantic_kernel": (
        "agents-openai-2",
        [
            f"semantic_kernel.utils.telemetry.{name}:MODEL_DIAGNOSTICS_SETTINGS.enable_otel_diagnostics"
            for name in (
                "agent_diagnostics.decorators",
                "model_diagnostics.decorators",
                "model_diagnostics.function_tracer",
            )
        ]
        + methods("semantic_kernel.agents.agent:Agent", "_ensure_thread_exists_with_messages"),
    ),
    "smolagents": (
        "smolagents",
        [*methods("smolagents.tools:Tool", "__call__"), "smolagents.local_python_executor:ThreadPoolExecutor"],
    ),
    "strands": (
        "strands",
        [
            *methods(
                "strands.telemetry.tracer:Tracer",
                "_is_attribute_unredacted",
                "_add_event",
                "_start_span",
                "end_span_with_cancellation",
            ),
            *methods("strands.agent.agent:Agent", "__init__"),
            "strands.telemetry.tracer:ThreadingInstrumentor",
        ],
    ),
}

# Of those that change where another instrumentation is at work: that one, and what is changed.
MOVED = {
    "google_genai": (
        "google-genai",
        "openinference.instrumentation.google_genai:GoogleGenAIInstrumentor",
        [
            *methods("google.genai.models:Models", "generate_content", "_generate_content_stream"),
            *methods("google.genai.models:AsyncModels", "_generate_content", "generate_content_stream"),
        ],
    ),
    "litellm": (
        "litellm",
        "openinference.instrumentation.litellm:LiteLLMInstrumentor",
        [
            *(f"litellm.main:{name}" for name in ("completion", "acompletion", "embedding", "aembedding")),
            "sys:modules['litellm.responses.main'].aresponses",
        ],
    ),
}


@pytest.mark.parametrize("module", CHANGED)
def test_uninstrumenting_puts_the_same_objects_back(tmp_path: Path, module: str) -> None:
    """Instrumented, each is another object; uninstrumented, the very same; and so a second time."""
    distribution, expressions = CHANGED[module]
    needs(distribution)
    assert json.loads(run_plainly("hooked", module, *expressions, home=tmp_path)) == [True, True, True, True]


@pytest.mark.matrix
@pytest.mark.parametrize("module", CHANGED_ELSEWHERE)
def test_so_in_environments_of_their_own(tmp_path: Path, module: str) -> None:
    """The same of frameworks that are installed apart."""
    environment, expressions = CHANGED_ELSEWHERE[module]
    python = str(made(environment).python)
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it asks the network for prices
    found = run_plainly("hooked", module, *expressions, home=tmp_path, python=python, variables=variables)
    assert json.loads(found) == [True, True, True, True]


@pytest.mark.matrix
@pytest.mark.parametrize("module", MOVED)
def test_another_instrumentation_may_come_and_go(tmp_path: Path, module: str) -> None:
    """Whichever is switched on or off first: what is left stands alone, and in the end nothing is changed."""
    environment, upstream, expressions = MOVED[module]
    python = str(made(environment).python)
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it asks the network for prices
    told = run_plainly(
        "beside_upstream", module, upstream, *expressions, home=tmp_path, python=python, variables=variables
    )
    both = [True] * len(expressions)
    assert json.loads(told) == {"both": both, "the other alone": True, "both, ours first": True, "none": True}


def test_a_framework_of_another_version_is_left_to_the_loader(tmp_path: Path) -> None:
    """It says so at debug level, and nothing is logged by us."""
    assert run_plainly("conflicting", home=tmp_path) == "conflict\n"
