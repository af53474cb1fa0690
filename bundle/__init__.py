"""The bundle for Claude Desktop: its manifest, and what packs it. Not in the wheel."""
