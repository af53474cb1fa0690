"""Planrail over MCP: its runs and its tools, for Claude Desktop and every other MCP client, of both eras of the protocol."""
