"""Names of tools and agents that public coding agents ship: everybody can look them up, and none is a user's own.

Taken from what each program of the version that ``tests/harnesses`` pins offers to its model. MCP tools, whose names
begin with ``mcp``, and skills and agents that users define are not here.
"""

from __future__ import annotations

__all__ = ["AGENTS", "TOOLS"]

_CLAUDE = """
Agent AskUserQuestion Bash BashOutput CronCreate CronDelete CronList Edit EnterPlanMode EnterWorktree ExitPlanMode
ExitWorktree Glob Grep KillShell LSP ListAgents Monitor MultiEdit NotebookEdit Read ReportFindings ScheduleWakeup
SendMessage Skill SlashCommand Task TaskCreate TaskGet TaskList TaskOutput TaskStop TaskUpdate TodoWrite ToolSearch
WebFetch WebSearch Workflow Write
"""
_CODEX = """
apply_patch close_agent exec_command list_mcp_resources local_shell multi_agent_v1spawn_agent
read_mcp_resource request_user_input resume_agent send_input shell shell_command spawn_agent unified_exec update_plan
view_image wait wait_agent web_search write_stdin
"""
_GEMINI_AND_QWEN = """
activate_skill agent ask_user codebase_investigator cron_create cron_delete cron_list edit enter_plan_mode
enter_worktree exit_plan_mode exit_worktree generalist get_goal get_internal_docs glob google_web_search grep_search
invoke_agent list_agents list_directory loop_wakeup monitor notebook_edit read_file read_many_files
record_artifact replace report_findings run_shell_command save_memory search_file_content send_message skill task
task_stop todo_write tool_search update_goal update_topic web_fetch web_search write_file write_todos zoom_image
"""
_COPILOT = """
bash create edit glob grep list_agents list_bash read_agent read_bash report_intent rg skill sql stop_bash store_memory
str_replace_editor task update_todo view web_fetch write_bash
"""
_OPENCODE_AND_PI = """
apply_patch bash batch codesearch edit find glob grep list ls lsp patch question read skill task todoread todowrite
webfetch websearch write
"""
_DOCKER_AGENT = """
create_todo directory_tree edit_file fetch handoff list_directory list_todos read_file read_multiple_files
run_background_agent run_background_job search_files_content shell think transfer_task update_todo write_file
"""
_GOOSE = """
analyze delegate edit load load_skill read_image shell tree write
"""

_ALL = (_CLAUDE, _CODEX, _GEMINI_AND_QWEN, _COPILOT, _OPENCODE_AND_PI, _DOCKER_AGENT, _GOOSE)

TOOLS = frozenset(" ".join(_ALL).split())
"""Tools of coding agents."""

AGENTS = frozenset({
    "claude-code", "codex", "copilot", "docker-agent", "gemini-cli", "goose", "opencode", "pi", "qwen-code",
    "Explore", "Plan", "codebase_investigator", "explore", "general", "general-purpose", "generalist",
    "statusline-setup",
})  # fmt: skip
"""The coding agents themselves, and the subagents that they ship."""
