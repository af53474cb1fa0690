"""Push notifications: clients that ask for it are told of a task by HTTP: in order, at least once, also hours later."""
