"""Other people's MCP servers as tools: each server a namespace, each with a supervised connection of its own.

Settings read `executor.mcp_tools.server`, which is light; `executor.mcp_tools.hub` brings an event loop and sockets.
"""
