"""The planner as an A2A agent: tasks are views of runs."""
